#include "gateway/config/json_schema.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/config/schema.h"
#include "gateway/config/units.h"
#include "pool/limits.h"

namespace holdfast::config {
namespace {

using nlohmann::json;

// The paths of all keys: "listeners[].bind", "upstreams.*.queue.size".
void CollectKeys(const Shape& shape, const std::string& path, std::set<std::string>* keys) {
  for (const Key& key : shape.keys) {
    const std::string below = path + "." + std::string(key.name);
    keys->insert(below);
    CollectKeys(*key.shape, below, keys);
  }
  if (shape.may_be_file) keys->insert(path + ".file");
  if (shape.element != nullptr && shape.kind != Shape::Kind::kPartial) {
    CollectKeys(*shape.element, path + (shape.kind == Shape::Kind::kList ? "[]" : ".*"), keys);
    if (shape.one_stands_for_list) CollectKeys(*shape.element, path, keys);
  }
}

void CollectKeys(const json& schema, const std::string& path, std::set<std::string>* keys) {
  if (schema.contains("anyOf")) {
    for (const json& alternative : schema["anyOf"]) CollectKeys(alternative, path, keys);
  }
  if (schema.contains("items")) CollectKeys(schema["items"], path + "[]", keys);
  if (!schema.contains("additionalProperties")) return;
  const json& additional = schema["additionalProperties"];
  if (additional.is_object()) CollectKeys(additional, path + ".*", keys);
  const json properties = schema.value("properties", json::object());
  for (const auto& [name, property] : properties.items()) {
    keys->insert(path + "." + name);
    CollectKeys(property, path + "." + name, keys);
  }
}

TEST(JsonSchemaTest, HasTheKeysThatTheLoaderKnows) {
  std::set<std::string> loader;
  std::set<std::string> schema;
  CollectKeys(FileShape(), "", &loader);
  CollectKeys(json::parse(JsonSchema()), "", &schema);
  EXPECT_GT(loader.size(), 60u);
  EXPECT_EQ(schema, loader);
}

TEST(JsonSchemaTest, TheShippedFileIsUpToDate) {
  std::ifstream file("deploy/holdfast.schema.json");
  ASSERT_TRUE(file.good());
  const std::string shipped(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(shipped, JsonSchema()) << "run: holdfast config schema > deploy/holdfast.schema.json";
}

TEST(JsonSchemaTest, RefusesUnknownKeysAndAsksForTheNeededOnes) {
  const json schema = json::parse(JsonSchema());
  EXPECT_EQ(schema["anyOf"][0]["required"], (json{"listeners", "routes"}));
  EXPECT_EQ(schema["additionalProperties"], false);
  const json& listener = schema["properties"]["listeners"]["items"];
  EXPECT_EQ(listener["required"], json{"bind"});
  EXPECT_EQ(schema["properties"]["listeners"]["minItems"], 1);
  EXPECT_FALSE(listener["properties"]["idle_timeout"]["description"].empty());
}

// A mapping of an item is merged with that of `defaults`; a list is not, and neither is what makes
// an item itself.
TEST(JsonSchemaTest, WhatDefaultsMayHaveIsNotRequired) {
  const json schema = json::parse(JsonSchema())["properties"];
  const json& listener = schema["listeners"]["items"];
  const json& tls = listener["properties"]["tls"]["anyOf"][0]["properties"];
  EXPECT_FALSE(listener["properties"]["proxy_protocol"]["anyOf"][0].contains("required"));
  EXPECT_FALSE(tls["acme"]["anyOf"][0].contains("required"));
  EXPECT_EQ(tls["certificates"]["items"]["required"], (json{"cert", "key"}));
  const json& upstream = schema["upstreams"]["additionalProperties"];
  EXPECT_EQ(upstream["required"], json{"endpoints"});
  EXPECT_FALSE(
      upstream["properties"]["tls"]["anyOf"][0]["properties"]["certificate"]["anyOf"][0].contains(
          "required"));
  const json& route = schema["routes"]["items"]["properties"];
  for (const char* key : {"rate_limit", "jwt", "basic_auth", "mirror", "cors", "buffering"}) {
    EXPECT_TRUE(route[key]["anyOf"][0].contains("properties")) << key;
    EXPECT_FALSE(route[key]["anyOf"][0].contains("required")) << key;
  }
  EXPECT_EQ(route["split"]["items"]["required"], json{"upstream"});
  const json& secret = route["request_headers"]["properties"]["set"]["additionalProperties"];
  EXPECT_EQ(secret["anyOf"][1]["required"], json{"file"}) << "it is read before it is merged";
  EXPECT_EQ(schema["tracing"]["anyOf"][0]["required"], json{"otlp"});
}

// One that includes others may have all in these, and those have three keys.
TEST(JsonSchemaTest, AFileMayBeAPart) {
  const json ways = json::parse(JsonSchema())["anyOf"];
  ASSERT_EQ(ways.size(), 3u);
  EXPECT_EQ(ways[1]["required"], json::array({"include"}));
  EXPECT_EQ(ways[2]["propertyNames"]["enum"], (json{"listeners", "upstreams", "routes"}));
}

TEST(JsonSchemaTest, SaysTheDefaultsOfTheStructs) {
  const json schema = json::parse(JsonSchema())["properties"];
  EXPECT_EQ(schema["workers"]["default"], "auto");
  EXPECT_EQ(schema["status"]["anyOf"][0]["properties"]["bind"]["default"], "127.0.0.1:9900");
  const json upstream = schema["upstreams"]["additionalProperties"]["properties"];
  EXPECT_EQ(upstream["max_connections"]["default"], *pool::PoolLimits().max_connections);
  EXPECT_EQ(upstream["connect_timeout"]["default"], "2s");
  EXPECT_EQ(upstream["connect_timeout"]["description"], "Time to connect. Default: 2s.");
  EXPECT_EQ(upstream["outlier"]["description"],
            "Leaves out endpoints that fail requests. Default: on.");
  EXPECT_FALSE(upstream["endpoints"].contains("default"));
  EXPECT_EQ(upstream["endpoints"]["items"]["anyOf"][0]["properties"]["backup"]["default"], false);
}

TEST(JsonSchemaTest, AShortFormIsAnAlternative) {
  const json schema = json::parse(JsonSchema());
  const json& upstream = schema["properties"]["upstreams"]["additionalProperties"];
  const json& endpoint = upstream["properties"]["endpoints"]["items"]["anyOf"];
  ASSERT_EQ(endpoint.size(), 2u);
  EXPECT_EQ(endpoint[0]["type"], "object");
  EXPECT_EQ(endpoint[1]["type"], (json{"string", "number", "boolean"}));
}

TEST(JsonSchemaTest, OneThatMayStandForAListIsAnAlternative) {
  const json schema = json::parse(JsonSchema());
  const json& logs = schema["properties"]["access_log"]["anyOf"];
  ASSERT_EQ(logs.size(), 3u);
  EXPECT_EQ(logs[0]["type"], "array");
  EXPECT_EQ(logs[0]["items"], logs[1]);
  EXPECT_EQ(logs[1]["type"], "object");
  EXPECT_EQ(logs[2]["enum"], json{"off"});
}

TEST(JsonSchemaTest, AWordOfDigitsMayBeANumber) {
  const json schema = json::parse(JsonSchema());
  const json& route = schema["properties"]["routes"]["items"]["properties"];
  EXPECT_EQ(route["redirect"]["properties"]["status"]["enum"],
            (json{"301", "302", "303", "307", "308", 301, 302, 303, 307, 308}));
}

TEST(JsonSchemaTest, AWordThatIsABooleanMayBeOne) {
  const json schema = json::parse(JsonSchema());
  const json& upstream = schema["properties"]["upstreams"]["additionalProperties"];
  const json& endpoint = upstream["properties"]["endpoints"]["items"]["anyOf"][0];
  EXPECT_EQ(endpoint["properties"]["backup"]["enum"], (json{"true", "false", true, false}));
}

TEST(JsonSchemaTest, ThePatternsAgreeWithTheLoader) {
  const json schema = json::parse(JsonSchema());
  const json& listener = schema["properties"]["listeners"]["items"]["properties"];
  const std::regex duration(listener["idle_timeout"]["anyOf"][0]["pattern"].get<std::string>());
  for (const char* text : {"250ms", "5s", "1h30m", "2d", "5", "5 s", "30m1h", "1.5s", "s"}) {
    EXPECT_EQ(std::regex_match(text, duration), ParseDuration(text).has_value()) << text;
  }
  const std::regex size(listener["max_head_bytes"]["pattern"].get<std::string>());
  for (const char* text : {"512", "512B", "64KiB", "64KB", "64k", "1 KiB", "KiB"}) {
    EXPECT_EQ(std::regex_match(text, size), ParseSize(text).has_value()) << text;
  }
  const json& upstream = schema["properties"]["upstreams"]["additionalProperties"]["properties"];
  const std::regex percent(upstream["panic_threshold"]["pattern"].get<std::string>());
  for (const char* text : {"0%", "100%", "50", "%", "5 %", "-5%"}) {
    EXPECT_EQ(std::regex_match(text, percent), ParsePercent(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace holdfast::config
