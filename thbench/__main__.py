from thbench.cli.main import main

main()
