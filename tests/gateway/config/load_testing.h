#ifndef HOLDFAST_TESTS_GATEWAY_CONFIG_LOAD_TESTING_H_
#define HOLDFAST_TESTS_GATEWAY_CONFIG_LOAD_TESTING_H_

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/config/load.h"

namespace holdfast::config {

// What the loader says about a text, as an operator reads it. A text with an error has no config.
inline std::string Complaints(std::string_view text) {
  const LoadResult result = LoadConfig(text, "f.yaml");
  bool has_error = false;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    has_error |= diagnostic.severity == Severity::kError;
  }
  EXPECT_EQ(result.config.has_value(), !has_error);
  return FormatDiagnostics(result.diagnostics);
}

// The config of a text about which there is nothing to say.
inline Config Load(std::string_view text) {
  LoadResult result = LoadConfig(text, "f.yaml");
  EXPECT_EQ(FormatDiagnostics(result.diagnostics), "") << text;
  EXPECT_TRUE(result.config.has_value()) << text;
  return result.config ? *std::move(result.config) : Config{};
}

// A file with two listeners, two upstreams and these lines of routes, which begin at line 8.
inline std::string WithRoutes(std::string_view routes) {
  return "listeners:\n"
         "  - {name: edge, bind: 127.0.0.1:8080}\n"
         "  - {name: inner, bind: 127.0.0.1:8081}\n"
         "upstreams:\n"
         "  web: {endpoints: [\"web:80\"]}\n"
         "  api: {endpoints: [\"api:80\"]}\n"
         "routes:\n" +
         std::string(routes);
}

}  // namespace holdfast::config

#endif  // HOLDFAST_TESTS_GATEWAY_CONFIG_LOAD_TESTING_H_
