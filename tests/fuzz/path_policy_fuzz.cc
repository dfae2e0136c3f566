// One path for a listener's policy, which the first byte chooses. Whatever is accepted, everybody
// who reads what is forwarded sees a path of the route that was taken: a plain resolver (RFC 3986
// section 5.2.4 after decoding) and sloppier ones. That is true of what a rewrite makes of it, too.
// Byte for byte nothing is promised but the bytes.

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <string>
#include <string_view>

#include "gateway/http/path_form.h"
#include "gateway/route/rewrite.h"
#include "gateway/route/route_choice.h"
#include "tests/fuzz/property.h"

namespace holdfast::fuzz {
namespace {

using http::EncodedSlash;
using http::PathDoubt;
using http::PathNormalization;
using http::PathPolicy;

// ---- What origins make of a path. Written for clearness, apart from what it checks.

struct Reader {
  int decodings;
  bool escaped_slash_divides;
  bool backslash_divides;
  int parameters;  // dropped: 0 never, 1 before decoding, 2 after
  bool merges;
  bool trims;  // cuts at NUL, '?' and '#', and drops blanks and dots at the end of segments
};

std::string DecodeOnce(std::string_view text, bool slash) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && isxdigit(text[i + 1]) != 0 &&
                        isxdigit(text[i + 2]) != 0;
    const int byte = escape ? std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16) : 0;
    if (escape && (byte != '/' || slash)) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// RFC 3986 section 5.2.4, step by step.
std::string RemoveDotSegments(std::string_view input) {
  std::string output;
  const auto drop_last = [&output] {
    output.resize(output.find('/') == std::string::npos ? 0 : output.rfind('/'));
  };
  while (!input.empty()) {
    if (input.starts_with("../")) {
      input.remove_prefix(3);
    } else if (input.starts_with("./") || input.starts_with("/./")) {
      input.remove_prefix(2);
    } else if (input == "/.") {
      input = "/";
    } else if (input.starts_with("/../")) {
      input.remove_prefix(3);
      drop_last();
    } else if (input == "/..") {
      input = "/";
      drop_last();
    } else if (input == "." || input == "..") {
      input = {};
    } else {
      const size_t segment = std::min(input.find('/', 1), input.size());
      output += input.substr(0, segment);
      input.remove_prefix(segment);
    }
  }
  return output;
}

// `change` makes another segment of each.
template <typename Change>
std::string EachSegment(std::string_view path, const Change& change) {
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    out.push_back('/');
    out += change(segment);
    path.remove_prefix(segment.size());
  }
  return out;
}

std::string_view WithoutParameters(std::string_view segment) {
  return segment.substr(0, segment.find(';'));
}

std::string_view Trimmed(std::string_view segment) {
  if (segment.find_first_not_of('.') == std::string_view::npos) return segment;
  while (segment.ends_with('.') || segment.ends_with(' ')) segment.remove_suffix(1);
  return segment;
}

std::string Merged(std::string_view path) {
  std::string out;
  for (const char byte : path) {
    if (byte != '/' || !out.ends_with('/')) out.push_back(byte);
  }
  return out;
}

std::string Read(std::string path, const Reader& reader) {
  if (reader.parameters == 1) path = EachSegment(path, WithoutParameters);
  for (int i = 0; i < reader.decodings; ++i) path = DecodeOnce(path, reader.escaped_slash_divides);
  if (reader.trims) path.resize(std::min(path.find_first_of({"?#\0", 3}), path.size()));
  if (reader.backslash_divides) std::ranges::replace(path, '\\', '/');
  if (reader.parameters == 2) path = EachSegment(path, WithoutParameters);
  if (reader.trims) path = EachSegment(path, Trimmed);
  if (reader.merges) path = Merged(path);
  return RemoveDotSegments(path);
}

// Calls `check` with what each of them sees.
template <typename Check>
void ForEachReader(const std::string& path, const Check& check) {
  for (int i = 0; i < 4 * 3 * 16; ++i) {
    const int flags = i / 12;
    check(Read(path, {.decodings = i % 4,
                      .escaped_slash_divides = (flags & 1) != 0,
                      .backslash_divides = (flags & 2) != 0,
                      .parameters = i / 4 % 3,
                      .merges = (flags & 4) != 0,
                      .trims = (flags & 8) != 0}));
  }
}

bool IsUnder(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// ---- The routes: two that deny, within each other, and what is left.

constexpr std::array<std::string_view, 4> kPrefixes = {"/", "/admin", "/a/b", "/a/b/c"};

config::Config Routes() {
  config::Config config;
  for (const std::string_view prefix : kPrefixes) {
    config::Route route;
    route.index = static_cast<uint32_t>(config.routes.size());
    route.name = prefix;
    route.match.path = prefix;
    config.routes.push_back(route);
  }
  return config;
}

std::string_view RouteOf(std::string_view path) {
  for (size_t i = kPrefixes.size() - 1; i > 0; --i) {
    if (IsUnder(path, kPrefixes[i])) return kPrefixes[i];
  }
  return kPrefixes[0];
}

struct Outcome {
  PathDoubt doubt;
  std::string route;
  std::string forwarded;

  bool operator==(const Outcome&) const = default;
};

Outcome Choose(const PathPolicy& policy, std::string_view path) {
  static const route::RouteTable& table = *new route::RouteTable(Routes());
  http::RequestHead head;
  head.path = path;
  http::PathForm form;
  route::Miss miss;
  const route::Choice choice =
      route::ChooseRoute(table, 0, policy, head, {.head = &head}, &form, &miss);
  if (choice.doubt != PathDoubt::kNone) return {choice.doubt, {}, {}};
  HOLDFAST_PROPERTY(choice.route != nullptr);
  return {choice.doubt, choice.route->name, std::string(choice.path)};
}

bool HasEncodedSlash(std::string_view path) {
  return path.find("%2f") != std::string_view::npos || path.find("%2F") != std::string_view::npos;
}

// What holds of any path that is forwarded.
void CheckSpelling(const PathPolicy& policy, std::string_view path) {
  HOLDFAST_PROPERTY(path.starts_with('/'));
  if (policy.encoded_slash == EncodedSlash::kReject) HOLDFAST_PROPERTY(!HasEncodedSlash(path));
  if (policy.byte_for_byte()) return;
  HOLDFAST_PROPERTY(!path.starts_with("//"));
  if (policy.normalize == PathNormalization::kMergeSlashes) {
    HOLDFAST_PROPERTY(path.find("//") == std::string_view::npos);
  }
}

// ---- What routes make of it.

config::Route RewritingPrefix() {
  config::Route route;
  route.match.path = "/a/b";
  route.rewrite.path_prefix = "/new";
  return route;
}

config::Route RewritingPattern() {
  config::Route route;
  route.rewrite.path_regex = {.pattern = *policy::Pattern::Parse("/x(.*)"), .to = "/y/\\1"};
  return route;
}

void CheckRewritten(const config::Route& route, const PathPolicy& policy, std::string_view path,
                    std::string_view below) {
  http::RequestHead head;
  head.path = path;
  std::string target;
  if (route::RewriteTarget(route, policy, head, &target) != PathDoubt::kNone) {
    HOLDFAST_PROPERTY(!policy.byte_for_byte() || HasEncodedSlash(target));
    return;
  }
  if (target == path) return;
  CheckSpelling(policy, target);
  HOLDFAST_PROPERTY(IsUnder(target, below));
  if (policy.byte_for_byte()) return;
  ForEachReader(target, [&](const std::string& seen) { HOLDFAST_PROPERTY(IsUnder(seen, below)); });
}

void CheckRewrites(const PathPolicy& policy, const Outcome& outcome) {
  static const config::Route& by_prefix = *new config::Route(RewritingPrefix());
  static const config::Route& by_pattern = *new config::Route(RewritingPattern());
  if (outcome.route.starts_with("/a/b")) {
    CheckRewritten(by_prefix, policy, outcome.forwarded, "/new");
  }
  CheckRewritten(by_pattern, policy, outcome.forwarded, "/y");
}

// ---- The policies.

void CheckBytes(const PathPolicy& policy, std::string_view path, const Outcome& outcome) {
  const bool refused = policy.encoded_slash == EncodedSlash::kReject && HasEncodedSlash(path);
  HOLDFAST_PROPERTY(outcome.doubt == (refused ? PathDoubt::kEncodedSlash : PathDoubt::kNone));
  if (refused) return;
  HOLDFAST_PROPERTY(outcome.forwarded == path);
  HOLDFAST_PROPERTY(outcome.route == RouteOf(path));
}

void CheckPath(const PathPolicy& policy, std::string_view path) {
  const Outcome outcome = Choose(policy, path);
  if (policy.byte_for_byte()) CheckBytes(policy, path, outcome);
  if (policy.encoded_slash == EncodedSlash::kReject && !HasEncodedSlash(path)) {
    HOLDFAST_PROPERTY(outcome == Choose({.normalize = policy.normalize}, path));
  }
  if (policy.normalize == PathNormalization::kMergeSlashes) {
    const Outcome strict = Choose({.encoded_slash = policy.encoded_slash}, path);
    HOLDFAST_PROPERTY(outcome.doubt == strict.doubt && outcome.route == strict.route);
    HOLDFAST_PROPERTY(outcome == strict || Merged(path) != path);
  }
  if (outcome.doubt != PathDoubt::kNone) return;
  CheckSpelling(policy, outcome.forwarded);
  HOLDFAST_PROPERTY(Choose(policy, outcome.forwarded) == outcome);
  CheckRewrites(policy, outcome);
  if (policy.byte_for_byte()) return;
  ForEachReader(outcome.forwarded, [&](const std::string& seen) {
    HOLDFAST_PROPERTY(RouteOf(seen) == outcome.route);
  });
}

constexpr PathPolicy kPolicies[] = {
    {PathNormalization::kStrict, EncodedSlash::kKeep},
    {PathNormalization::kMergeSlashes, EncodedSlash::kKeep},
    {PathNormalization::kOff, EncodedSlash::kKeep},
    {PathNormalization::kStrict, EncodedSlash::kReject},
    {PathNormalization::kMergeSlashes, EncodedSlash::kReject},
    {PathNormalization::kOff, EncodedSlash::kReject},
};

// As the parser leaves a path.
bool IsOfTarget(std::string_view path) {
  return path.starts_with('/') && std::ranges::all_of(path, [](char byte) {
           return byte > ' ' && byte < 0x7F && byte != '?' && byte != '#';
         });
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  if (size == 0 || size > 256) return 0;
  // An allocation of its own, so that a read past its end is found.
  const std::string path(fuzz::AsText(data + 1, size - 1));
  // '0' to '5' are the policies in their order.
  if (fuzz::IsOfTarget(path)) fuzz::CheckPath(fuzz::kPolicies[data[0] % 6], path);
  return 0;
}
