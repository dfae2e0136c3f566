"""Binds the Debian -dev packages as Bazel repositories."""

# Repository name -> the folder it is rooted in.
_SYSTEM_LIBRARIES = {
    "absl": "/usr",
    "argon2": "/usr",
    "brotli": "/usr",
    "cares": "/usr",
    "cli11": "/usr",
    "crypt": "/usr",
    "googletest": "/usr",
    "hiredis": "/usr",
    "libfyaml": "/usr",
    "llhttp": "/usr/share",
    "nghttp2": "/usr",
    "nlohmann_json": "/usr",
    "openssl": "/usr",
    "prometheus_cpp": "/usr",
    "re2": "/usr",
    "spdlog": "/usr",
    "xxhash": "/usr",
    "zlib": "/usr",
    "zstd": "/usr",
}

def system_libraries():
    for name, path in _SYSTEM_LIBRARIES.items():
        native.new_local_repository(
            name = name,
            build_file = "//third_party:%s.BUILD" % name,
            path = path,
        )
