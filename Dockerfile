# The command line of lightning-gans. From the root of the repository:
#   docker build --tag lightning-gans .
#   docker run --rm --volume "$PWD:/work" lightning-gans fit dcgan/digits
# docs/install.md says more.

FROM python:3.12-slim AS build
COPY . /source
RUN pip install --no-cache-dir build && python -m build --wheel --outdir /dist /source

FROM python:3.12-slim
# PyTorch's default build. For CPUs alone: --build-arg TORCH="torch torchvision --index-url ADDRESS", with the address
# that the selector on pytorch.org prints.
ARG TORCH="torch torchvision"
RUN pip install --no-cache-dir ${TORCH}
COPY --from=build /dist /dist
RUN pip install --no-cache-dir "$(echo /dist/*.whl)[all]" && rm -r /dist
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
# Runs, data and caches are written here; also by a user that the image does not know.
ENV HOME=/work
WORKDIR /work
ENTRYPOINT ["lightning-gans"]
