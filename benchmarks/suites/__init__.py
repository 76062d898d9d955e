"""What is measured, a theme a file. A suite has `cases()`, each timed in every library that can compute it, or
`measure(settings)`, which yields results of its own making."""

SUITES = {  # as the command line calls them: the file
    "matmul": "matmul",
    "dropout": "dropout",
    "conv": "conv",
    "ops": "ops",
    "steps": "steps",
    "memory": "memory",
    "import": "imports",
}
