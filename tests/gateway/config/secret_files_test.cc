#include "gateway/config/secret_files.h"

#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "gateway/config/load.h"
#include "gateway/policy/header_rules.h"

namespace holdfast::config {
namespace {

using Files = std::map<std::string, std::string>;

const std::string& Key() {
  static const std::string& key = *new std::string(32, 'k');
  return key;
}

FileAccess AccessTo(const Files& files, bool forgives_missing = false) {
  return {.find = [](const std::string&) { return std::vector<std::string>(); },
          .read = [&files](const std::string& path, size_t) -> absl::StatusOr<std::string> {
            if (path == "/locked") return absl::UnavailableError("Permission denied");
            const auto file = files.find(path);
            if (file == files.end()) return absl::NotFoundError("No such file or directory");
            return file->second;
          },
          .exposed = [](const std::string& path) { return path == "/open"; },
          .forgives_missing = forgives_missing};
}

// `upstream` and `route` are more keys of those, with their commas; the route is at line 3.
std::string Text(std::string_view upstream, std::string_view route = "",
                 std::string_view top = "") {
  return "listeners: [{bind: \":80\"}]\n"
         "upstreams: {web: {endpoints: [\"a.test:1\"]" +
         std::string(upstream) +
         "}}\n"
         "routes: [{upstream: web" +
         std::string(route) + "}]\n" + std::string(top);
}
std::string WithKey(std::string_view key) {
  return Text(", balance: {cookie: {key: " + std::string(key) + "}}");
}

LoadResult LoadWith(const std::string& text, const Files& files, bool forgives_missing = false) {
  return LoadConfig(
      text, "f.yaml",
      [](const std::string& name) -> std::optional<std::string> {
        return name == "SECRETS" ? std::optional<std::string>("/s") : std::nullopt;
      },
      AccessTo(files, forgives_missing));
}
std::string ComplaintsWith(const std::string& text, const Files& files) {
  return FormatDiagnostics(LoadWith(text, files).diagnostics);
}
Config LoadedWith(const std::string& text, const Files& files) {
  LoadResult result = LoadWith(text, files);
  EXPECT_EQ(FormatDiagnostics(result.diagnostics), "");
  EXPECT_TRUE(result.config.has_value());
  return result.config ? *std::move(result.config) : Config{};
}
std::string CookieKey(const Config& config) {
  return config.upstreams.empty() || !config.upstreams[0].cookie.has_value()
             ? "no cookie"
             : config.upstreams[0].cookie->key;
}

TEST(SecretFilesTest, AKeyIsWhatItsFileHoldsWithoutTheLinesEnd) {
  for (const std::string_view end : {"", "\n", "\r\n"}) {
    EXPECT_EQ(
        CookieKey(LoadedWith(WithKey("{file: /s/key}"), {{"/s/key", Key() + std::string(end)}})),
        Key());
  }
  EXPECT_EQ(CookieKey(LoadedWith(WithKey("{file: /s/key}"), {{"/s/key", Key() + "\n\n"}})),
            Key() + "\n");
  EXPECT_EQ(CookieKey(LoadedWith(WithKey("{file: \"${SECRETS}/key\"}"), {{"/s/key", Key()}})),
            Key());
}

TEST(SecretFilesTest, SoAreTheValuesOfFields) {
  const std::string route =
      ", match: {headers: {x-gate: {exact: {file: /gate}}}}"
      ", request_headers: {set: {x-key: {file: /key}, x-plain: \"${client_ip}\"}"
      ", add: {x-more: {file: /key}}, set_if_missing: {x-less: {file: /key}}}";
  const Config config = LoadedWith(Text("", route), {{"/key", "a$b\n"}, {"/gate", "open sesame"}});
  ASSERT_EQ(config.routes.size(), 1u);
  const Route& first = config.routes[0];
  using Fields = policy::HeaderRules::Fields;
  EXPECT_EQ(first.request_headers.set, (Fields{{"x-key", "a$b"}, {"x-plain", "${client_ip}"}}));
  EXPECT_EQ(first.request_headers.add, (Fields{{"x-more", "a$b"}}));
  EXPECT_EQ(first.request_headers.set_if_missing, (Fields{{"x-less", "a$b"}}));
  ASSERT_EQ(first.match.headers.size(), 1u);
  EXPECT_EQ(first.match.headers[0].text, "open sesame");
}

TEST(SecretFilesTest, SoAreThoseOfExportRequests) {
  const Config config = LoadedWith(
      "listeners: [{bind: \":80\", trace: keep}]\nroutes: [{respond: {}}]\n"
      "tracing: {otlp: \"http://a.test/x\", headers: {authorization: {file: /token}}}\n",
      {{"/token", "Bearer x\n"}});
  ASSERT_TRUE(config.tracing.has_value());
  ASSERT_EQ(config.tracing->headers.size(), 1u);
  EXPECT_EQ(config.tracing->headers[0].value, "Bearer x");
}

// A file has what somebody else has made up, and no variables.
TEST(SecretFilesTest, AFieldsValueIsNoTemplate) {
  for (const std::string value : {"${client_ip}", "$${nobody", "${", "${HOME}", "$$", "%[src]"}) {
    const Config config =
        LoadedWith(Text("", ", request_headers: {set: {x-key: {file: /key}}}"), {{"/key", value}});
    ASSERT_EQ(config.routes.size(), 1u);
    const auto made =
        policy::FieldTemplate::Parse(config.routes[0].request_headers.set.at(0).second);
    ASSERT_TRUE(made.ok()) << value;
    EXPECT_TRUE(made->constant()) << value;
    EXPECT_EQ(made->text(), value);
  }
}

TEST(SecretFilesTest, ThoseOfDefaultsAndOfAnswersAreReadAsWell) {
  const std::string text =
      "listeners: [{bind: \":80\"}]\n"
      "routes:\n"
      "  - {match: {path: /a}, respond: {headers: {x-own: {file: /own}}}}\n"
      "  - {match: {path: /b}, respond: {}}\n"
      "defaults: {routes: {response_headers: {set: {x-key: {file: /key}}}}}\n";
  const Config config = LoadedWith(text, {{"/key", "k"}, {"/own", "o"}});
  ASSERT_EQ(config.routes.size(), 2u);
  EXPECT_EQ(config.routes[0].respond.headers.at(0).second, "o");
  for (const Route& route : config.routes) {
    ASSERT_EQ(route.response_headers.set.size(), 1u);
    EXPECT_EQ(route.response_headers.set[0].second, "k");
  }
}

TEST(SecretFilesTest, ErrorsHaveThePathsPlaceAndNotWhatTheFileHolds) {
  const Files files = {{"/short", "tell-nobody"},
                       {"/empty", ""},
                       {"/line", "\n"},
                       {"/large", std::string(kMaxSecretBytes + 1, 'x')}};
  struct Case {
    std::string key;
    std::string complaint;
  };
  for (const auto& [key, complaint] :
       {Case{"{file: /none}",
             "f.yaml:2:75: error: '/none' cannot be read: No such file or "
             "directory\n"},
        Case{"{file: /locked}",
             "f.yaml:2:75: error: '/locked' cannot be read: Permission "
             "denied\n"},
        Case{"{file: /empty}", "f.yaml:2:75: error: '/empty' is empty; expected the value"},
        Case{"{file: /line}", "f.yaml:2:75: error: '/line' is empty; expected the value"},
        Case{"{file: /large}", "f.yaml:2:75: error: '/large' is larger than 16KiB\n"},
        Case{"{file: /short}",
             "f.yaml:2:75: error: expected a secret of 32 to 1024 bytes, such as "
             "`openssl rand -hex 32` prints, or {file: PATH}; the file holds "
             "something else\n"},
        Case{"{file: key}",
             "f.yaml:2:68: error: expected a text, or {file: PATH} with the "
             "absolute path"},
        Case{"{path: /key}", "f.yaml:2:68: error: expected a text, or {file: PATH}"},
        Case{"{file: /a, more: 1}", "f.yaml:2:68: error: expected a text, or {file: PATH}"},
        Case{"{file: [/a]}", "f.yaml:2:68: error: expected a text, or {file: PATH}"},
        Case{"{}", "f.yaml:2:68: error: expected a text, or {file: PATH}"}}) {
    const std::string complaints = ComplaintsWith(WithKey(key), files);
    EXPECT_TRUE(complaints.starts_with(complaint)) << key << "\n" << complaints;
    EXPECT_EQ(complaints.find("error: "), complaints.rfind("error: ")) << complaints;
    EXPECT_EQ(complaints.find("tell-nobody"), std::string::npos) << complaints;
  }
}

TEST(SecretFilesTest, WhatNoFieldMayHaveIsRefusedFromAFileAsWell) {
  const std::string route = ", request_headers: {set: {x-key: {file: /key}}}";
  for (const std::string& value : {std::string("a\r\nx-evil: 1"), std::string("a\nb"),
                                   std::string(" a"), std::string("a\0b", 3)}) {
    const std::string complaints = ComplaintsWith(Text("", route), {{"/key", value}});
    EXPECT_NE(complaints.find("expected a field value without control characters"),
              std::string::npos)
        << complaints;
    EXPECT_EQ(complaints.find("evil"), std::string::npos) << complaints;
  }
}

TEST(SecretFilesTest, OnlyWhereThereIsASecret) {
  EXPECT_NE(ComplaintsWith(Text(", max_idle: {file: /n}"), {{"/n", "1"}}).find("found a mapping"),
            std::string::npos);
}

TEST(SecretFilesTest, ATextThatIsNoFileHasNoneInOthers) {
  const LoadResult result = LoadConfig(WithKey("{file: /key}"), "f.yaml");
  EXPECT_NE(FormatDiagnostics(result.diagnostics)
                .find("only a configuration that is a file can have secrets in others"),
            std::string::npos);
}

TEST(SecretFilesTest, OneThatOthersMayReadIsANote) {
  const LoadResult open = LoadWith(WithKey("{file: /open}"), {{"/open", Key()}});
  EXPECT_TRUE(open.config.has_value());
  EXPECT_EQ(open.diagnostics.size(), 0u);
  EXPECT_TRUE(FormatDiagnostics(open.notes)
                  .starts_with("f.yaml:2:75: note: '/open': others than its owner and group can "
                               "read or change it\n"))
      << FormatDiagnostics(open.notes);
  EXPECT_TRUE(LoadWith(WithKey("{file: /s/key}"), {{"/s/key", Key()}}).notes.empty());
}

TEST(SecretFilesTest, OneThatIsMissingMayBeForgiven) {
  const LoadResult result = LoadWith(WithKey("{file: /none}"), {}, true);
  ASSERT_TRUE(result.config.has_value()) << FormatDiagnostics(result.diagnostics);
  EXPECT_NE(FormatDiagnostics(result.notes).find("another value stands for it here"),
            std::string::npos);
  EXPECT_FALSE(LoadWith(WithKey("{file: /locked}"), {}, true).config.has_value());
}

// What goes with it is not wrong for that.
TEST(SecretFilesTest, OneThatIsMissingIsOneError) {
  const LoadResult result =
      LoadWith(Text("", ", match: {headers: {a: {exact: {file: /none}}}}"), {});
  EXPECT_FALSE(result.config.has_value());
  ASSERT_EQ(result.diagnostics.size(), 1u) << FormatDiagnostics(result.diagnostics);
  EXPECT_EQ(result.diagnostics[0].message, "'/none' cannot be read: No such file or directory");
}

TEST(SecretFilesTest, WhateverIsMissingMayBeForgiven) {
  for (const std::string_view route :
       {", match: {headers: {x-key: {exact: {file: /none}}}}",
        ", request_headers: {set: {authorization: {file: /none}}}",
        ", rate_limit: {requests: 1, shared: {redis: \"a.test:1\", username: a, password: {file: "
        "/none}}}"}) {
    const LoadResult result = LoadWith(Text("", route), {}, true);
    EXPECT_TRUE(result.config.has_value()) << FormatDiagnostics(result.diagnostics);
    EXPECT_EQ(FormatDiagnostics(result.diagnostics), "") << route;
  }
  const std::string two =
      "listeners: [{bind: \":80\"}]\nroutes:\n"
      "  - {match: {headers: {a: {exact: {file: /x}}}}, respond: {}}\n"
      "  - {match: {headers: {a: {exact: {file: /y}}}}, respond: {}}\n";
  EXPECT_EQ(FormatDiagnostics(LoadWith(two, {}, true).diagnostics), "");
}

TEST(SecretFilesTest, TheirNumberHasABound) {
  std::string text = "listeners: [{bind: \":80\"}]\nroutes:\n";
  for (size_t i = 0; i <= kMaxSecretFiles; ++i) {
    text +=
        "  - {match: {path: /" + std::to_string(i) + "}, respond: {headers: {a: {file: /a}}}}\n";
  }
  EXPECT_NE(ComplaintsWith(text, {{"/a", "a"}}).find("too many files with secrets; at most 1000"),
            std::string::npos);
}

// One that stands in the configuration itself is not shown with the line either.
TEST(SecretFilesTest, ASecretInTheConfigurationIsNotShown) {
  EXPECT_EQ(ComplaintsWith(WithKey("tell-nobody"), {}),
            "f.yaml:2:68: error: expected a secret of 32 to 1024 bytes, such as `openssl rand -hex "
            "32` prints, or {file: PATH}\n");
}

}  // namespace
}  // namespace holdfast::config
