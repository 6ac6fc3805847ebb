# thbench in a container. The CPU build of torch by default; with CUDA:
#   docker build -t thbench:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps -w /wheel .

FROM python:3.11-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=""
# libgl and glib: OpenCV; bubblewrap: isolation of programs that the generator `command` runs
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 bubblewrap \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/
COPY --from=build /wheel /wheel
RUN torch=$(grep -E '^torch==' /tmp/constraints.txt) \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple "$torch" \
    && pip install --no-cache-dir -c /tmp/constraints.txt "$(ls /wheel/thbench-*.whl)${EXTRAS:+[$EXTRAS]}" \
    && rm -rf /wheel /tmp/constraints.txt
RUN useradd --create-home user && mkdir /work && chown user /work
USER user
WORKDIR /work
ENV THBENCH_CACHE=/work/cache
ENTRYPOINT ["thbench"]
CMD ["--help"]
