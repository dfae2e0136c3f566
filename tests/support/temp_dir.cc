#include "tests/support/temp_dir.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include <gtest/gtest.h>

namespace holdfast::support {

TempDir::TempDir() {
  char path[] = "/tmp/holdfast-XXXXXX";
  if (mkdtemp(path) == nullptr) ADD_FAILURE() << "cannot create a folder in /tmp";
  path_ = path;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::Write(std::string_view name, std::string_view text) const {
  const std::string path = Path(name);
  const std::string next = path + ".next";
  std::ofstream(next, std::ios::binary | std::ios::trunc) << text;
  std::error_code error;
  std::filesystem::rename(next, path, error);
  EXPECT_FALSE(error) << "cannot write " << path << ": " << error.message();
  return path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace holdfast::support
