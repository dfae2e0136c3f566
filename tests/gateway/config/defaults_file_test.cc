#include "gateway/config/defaults_file.h"

#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "gateway/config/schema.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

// As a file spells them, the values of all keys that one struct holds; those of `other` must be the
// same.
void ExpectSame(const Shape& mapping, const void* owner, const void* other,
                const std::string& place) {
  for (const Key& key : mapping.keys) {
    if (key.binding.write == nullptr || key.required) continue;
    const std::string name = place + "." + std::string(key.name);
    EXPECT_EQ(key.binding.write(*key.shape, other), key.binding.write(*key.shape, owner)) << name;
    if (key.shape->kind != Shape::Kind::kMapping) continue;
    const void* inner = key.binding.inner(owner);
    const void* other_inner = key.binding.inner(other);
    ASSERT_EQ(inner == nullptr, other_inner == nullptr) << name;
    if (inner != nullptr) ExpectSame(*key.shape, inner, other_inner, name);
  }
}

const Shape& BelowKey(std::string_view name) { return *FindKey(FileShape(), name)->shape->element; }

TEST(DefaultsFileTest, MeansTheSameAsWhatIsRequiredAlone) {
  const Config config = Load(DefaultsFile());
  const Config least = Load(
      "listeners: [{bind: \"0.0.0.0:8080\"}]\nupstreams: {web: {endpoints: [\"web:8080\"]}}\n"
      "routes: [{upstream: web}]\n");
  ExpectSame(FileShape(), &least, &config, "");
  ExpectSame(BelowKey("listeners"), &least.listeners[0], &config.listeners[0], "listeners[]");
  ExpectSame(BelowKey("upstreams"), &least.upstreams[0], &config.upstreams[0], "upstreams.web");
  ExpectSame(BelowKey("routes"), &least.routes[0], &config.routes[0], "routes[]");
}

TEST(DefaultsFileTest, HasEveryKey) {
  const std::string file = DefaultsFile();
  const auto visit = [&file](const auto& self, const Shape& shape) -> void {
    for (const Key& key : shape.keys) {
      EXPECT_TRUE(std::regex_search(file, std::regex("\n *(# )?" + std::string(key.name) + ":")))
          << key.name;
      self(self, *key.shape);
    }
    if (shape.element != nullptr) self(self, *shape.element);
  };
  visit(visit, FileShape());
}

// Without their signs the comments are keys in their places: what is off is then on.
TEST(DefaultsFileTest, WhatIsInCommentsIsYaml) {
  const std::string file = DefaultsFile();
  const size_t begin = file.find("    health_check: off\n");
  ASSERT_NE(begin, std::string::npos);
  std::string check = file.substr(begin, file.find("    outlier:") - begin);
  check = std::regex_replace(check, std::regex("    health_check: off\n"), "");
  check = std::regex_replace(check, std::regex("host: .*"), "host: example.com");
  check = std::regex_replace(check, std::regex(" *# service: .*\n"), "");  // of another type
  check = std::regex_replace(check, std::regex("# "), "");
  const Config config = Load(
      "listeners: [{bind: \"0.0.0.0:8080\"}]\nroutes: [{upstream: web}]\nupstreams:\n  web:\n"
      "    endpoints: [\"web:8080\"]\n" +
      check);
  ASSERT_TRUE(config.upstreams[0].health_check);
  EXPECT_EQ(config.upstreams[0].health_check->host, "example.com");
  EXPECT_EQ(config.upstreams[0].health_check->fall, HealthCheck().fall);
}

}  // namespace
}  // namespace holdfast::config
