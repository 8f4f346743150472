# Cross-compilation for 64-bit Arm on Debian and Ubuntu (preset `aarch64`); tests run
# under qemu. What it takes:
#
#   dpkg --add-architecture arm64 && apt-get update
#   apt-get install g++-aarch64-linux-gnu qemu-user
#   apt-get install libtbb-dev:arm64 libpcre2-dev:arm64 libutf8proc-dev:arm64 \
#     libxxhash-dev:arm64 libfmt-dev:arm64 libspdlog-dev:arm64 libgtest-dev:arm64
#
# (Ubuntu keeps arm64 packages at ports.ubuntu.com.)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR /usr/bin/qemu-aarch64)

# Multiarch: libraries of both architectures stand side by side under /usr.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
