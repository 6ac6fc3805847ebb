"""Training shared by every generator that can learn: `thbench train SUITE SYSTEM`.

A generator's plugin gives `Plugin.trainer`: networks, losses and how an example is cut from a clip.
Everything else is here and is the same for all of them.

contract.py     what a plugin supplies: Trainer, Phase, Figure
options.py      what a suite may choose of the loop; nothing heavy is imported
data.py         clips in memory, batches that are a pure function of (seed, step)
checkpoint.py   weights as safetensors with their description; everything wrong with a file is found at load
state.py        the whole state of a training, so that it resumes to the byte
loop.py         steps, validation, saving
logs.py         CSV logs (and TensorBoard) that agree with the state after a kill
run.py          a suite and a system -> a training
plots.py        curves of a run folder as SVG
"""
