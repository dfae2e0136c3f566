#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/config/schema.h"
#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

std::string WithFileKeys(std::string_view lines) {
  return "listeners: [{bind: 127.0.0.1:8080}]\nroutes: [{respond: {}}]\n" + std::string(lines);
}

TEST(FileShapeTest, FillsAConfig) {
  EXPECT_EQ(FileShape().type, &kTypeTag<Config>);
  EXPECT_EQ(static_cast<const Config*>(FileShape().defaults())->via, "holdfast");
}

TEST(FileShapeTest, TheStatusPortKeepsItsBindUnlessItIsGivenAnother) {
  EXPECT_EQ(Load(WithFileKeys("status: {}\n")).status->text, "127.0.0.1:9900");
  EXPECT_EQ(Load(WithFileKeys("status: {bind: \":1\"}\n")).status->address.port(), 1);
  EXPECT_FALSE(Load(WithFileKeys("status: off\n")).status);
}

TEST(FileShapeTest, ErrorsTellTheReasonInTextUnlessTheySayOtherwise) {
  const auto errors = [](std::string_view value) {
    return Load("listeners: [{bind: 127.0.0.1:8080, errors: " + std::string(value) +
                "}]\nroutes: [{respond: {}}]\n")
        .listeners[0]
        .errors;
  };
  EXPECT_EQ(errors("{}").format, ErrorFormat::kText);
  EXPECT_EQ(errors("{}").detail, ErrorDetail::kReason);
  EXPECT_EQ(errors("{format: json}").format, ErrorFormat::kJson);
  EXPECT_EQ(errors("{format: problem+json}").format, ErrorFormat::kProblemJson);
  EXPECT_EQ(errors("{detail: full}").detail, ErrorDetail::kFull);
  EXPECT_EQ(errors("{detail: none}").detail, ErrorDetail::kNone);
  EXPECT_EQ(Complaints("listeners:\n  - bind: 127.0.0.1:8080\n    errors: {format: html}\n"
                       "routes: [{respond: {}}]\n"),
            "f.yaml:3:22: error: expected one of text, json, problem+json; found 'html'\n"
            "      errors: {format: html}\n"
            "                       ^\n");
}

TEST(FileShapeTest, BodiesThatAreHeldHaveABoundForEachWorker) {
  EXPECT_EQ(Load(WithFileKeys("")).max_buffered_bytes, 64u << 20);
  EXPECT_EQ(Load(WithFileKeys("max_buffered_bytes: 1GiB\n")).max_buffered_bytes, 1u << 30);
  for (const std::string value : {"off", "0", "1KiB", "-1", "many"}) {
    const std::string said = Complaints(WithFileKeys("max_buffered_bytes: " + value + "\n"));
    EXPECT_NE(said.find("f.yaml:3:21: error: expected"), said.npos) << said;
  }
}

}  // namespace
}  // namespace holdfast::config
