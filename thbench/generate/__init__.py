"""Generation: references and controls stored, requests made, answers checked and stored."""
