"""What people look at: film strips, contact sheets and charts. Reads run folders, computes no score."""
