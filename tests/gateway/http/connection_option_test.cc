#include "gateway/http/connection_option.h"

#include <cctype>
#include <string>

#include <gtest/gtest.h>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

struct Known {
  std::string name;
  ConnectionOption option;
};

const Known kKnown[] = {
    {"keep-alive", ConnectionOption::kKeepAlive},
    {"close", ConnectionOption::kClose},
    {"upgrade", ConnectionOption::kUpgrade},
};

TEST(ConnectionOption, IsKnownInAnyCase) {
  for (const Known& known : kKnown) {
    for (unsigned capitals = 0; capitals < 1u << known.name.size(); ++capitals) {
      std::string name = known.name;
      for (size_t i = 0; i < name.size(); ++i) {
        if ((capitals >> i & 1) != 0) name[i] = static_cast<char>(std::toupper(name[i]));
      }
      EXPECT_EQ(IdentifyConnectionOption(name), known.option) << name;
    }
  }
}

// Every byte that may be in a value, in the place of every byte of a name.
TEST(ConnectionOption, IsNotWhatDiffersByOneByte) {
  for (const Known& known : kKnown) {
    for (size_t i = 0; i < known.name.size(); ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string name = known.name;
        name[i] = static_cast<char>(byte);
        if (!IsValueByte(name[i]) || std::tolower(byte) == known.name[i]) continue;
        EXPECT_EQ(IdentifyConnectionOption(name), ConnectionOption::kOther) << name;
      }
    }
  }
}

TEST(ConnectionOption, IsNotWhatIsLongerOrShorter) {
  EXPECT_EQ(IdentifyConnectionOption(""), ConnectionOption::kOther);
  for (const Known& known : kKnown) {
    for (const std::string& name :
         {known.name + "x", "x" + known.name, known.name + ",", known.name + ",close",
          known.name.substr(1), known.name.substr(0, known.name.size() - 1)}) {
      EXPECT_EQ(IdentifyConnectionOption(name), ConnectionOption::kOther) << name;
    }
  }
}

}  // namespace
}  // namespace holdfast::http
