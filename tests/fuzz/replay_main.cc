// Runs a fuzz target over corpus folders without a fuzzer: each file whole, and cut off at each of
// its bytes, which is what a network does to it.
//
//   request_parser_replay tests/fuzz/corpus/request_parser

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/property.h"

namespace {

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A larger file is replayed whole only.
constexpr size_t kMaxBytesToCut = 1024;

void Replay(const std::string& input) {
  const size_t first = input.size() <= kMaxBytesToCut ? 0 : input.size();
  for (size_t size = first; size <= input.size(); ++size) {
    // An allocation of its own, so that a read past the end is found.
    const std::vector<uint8_t> exact(input.begin(), input.begin() + static_cast<ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
  }
}

size_t ReplayFolder(const char* folder) {
  std::error_code error;
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::fprintf(stderr, "%s\n", entry.path().c_str());
    Replay(Read(entry.path()));
    ++files;
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER...\n", argv[0]);
    return 2;
  }
  for (int i = 1; i < argc; ++i) {
    const size_t files = ReplayFolder(argv[i]);
    if (files == 0) {
      std::fprintf(stderr, "no seeds in %s\n", argv[i]);
      return 1;
    }
    std::printf("%zu seeds of %s replayed\n", files, argv[i]);
  }
  return 0;
}
