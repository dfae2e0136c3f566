#ifndef HOLDFAST_TESTS_GATEWAY_CONFIG_ROUTE_TESTING_H_
#define HOLDFAST_TESTS_GATEWAY_CONFIG_ROUTE_TESTING_H_

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {

// The first of the routes. The warning about upstreams without a route is beside the point here.
inline Route LoadRoute(std::string_view route) {
  LoadResult result = LoadConfig(WithRoutes(route), "f.yaml");
  EXPECT_TRUE(result.config) << FormatDiagnostics(result.diagnostics);
  return result.config ? result.config->routes.at(0) : Route{};
}

// The errors alone, without the source lines.
inline std::string RouteErrors(std::string_view routes) {
  std::string errors;
  for (const Diagnostic& diagnostic : LoadConfig(WithRoutes(routes), "f.yaml").diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    errors += std::to_string(diagnostic.position.line) + ":" +
              std::to_string(diagnostic.position.column) + " " + diagnostic.message + "\n";
  }
  return errors;
}

// All that is said of a route with this match, line by line.
inline std::string MatchComplaints(std::string_view match) {
  std::string text;
  const std::string routes = "  - {match: " + std::string(match) + ", upstream: web}\n";
  for (const Diagnostic& diagnostic : LoadConfig(WithRoutes(routes), "f.yaml").diagnostics) {
    if (diagnostic.message.find("upstream 'api'") != std::string::npos) continue;
    text += diagnostic.message + "\n";
  }
  return text;
}

}  // namespace holdfast::config

#endif  // HOLDFAST_TESTS_GATEWAY_CONFIG_ROUTE_TESTING_H_
