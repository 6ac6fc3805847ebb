from thbench.cli import main

main()
