#ifndef HOLDFAST_GATEWAY_HTTP_PATH_FORM_H_
#define HOLDFAST_GATEWAY_HTTP_PATH_FORM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/http/path_policy.h"

namespace holdfast::http {

// What makes a path mean different things to different readers.
enum class PathDoubt : uint8_t {
  kNone,
  kMalformedEscape,   // '%' without two hexadecimal digits
  kNul,               // %00, where readers written in C stop
  kHiddenDotSegment,  // "..;", "..%2f", "%252e%252e": a dot segment to some readers only
  kUnclearParameter,  // ";a%2Fb\\c", ";a%3Fb": path parameters may end in several places
  kHiddenAuthority,   // "/\": readers of URLs take what follows for a host
  kOtherRoute,        // some readers see a path that another route takes
  kEncodedSlash,      // %2F, where a listener takes none
  // Of what a route rewrites a path to (route/rewrite.h):
  kRewrittenToDots,    // a dot segment, plain to see, that the request had not
  kRewrittenToHost,    // "//": readers of URLs take what follows for a host
  kRewrittenToNoPath,  // it does not begin with a slash
};
// One sentence for the body of the error response; empty for kNone.
std::string_view PathDoubtText(PathDoubt doubt);

// The spellings of one request's path (RFC 3986 section 6.2.2). Routes are compared with the path
// to which an origin resolves it, whatever the client wrote:
//
//   received   /x/../a%2db//c%2Bd   byte for byte
//   resolved   /a-b/c%2Bd           dot and empty segments and escapes of unreserved bytes resolved
//   matched    /a-b/c+d             everything else in one spelling, too: for comparing only
//
// Empty segments go before dot segments are resolved, as in origins that map paths to files. An
// ordinary path is all three at once and costs one scan. A value; its views point into it or into
// the path that was read, until the next Read. It allocates only while its texts grow.
//
// A listener may ask for less or for more than that (path_policy.h): byte for byte there is one
// form, which is the received one.
class PathForm {
 public:
  // Where readers that know path parameters (";x=1") take one to end.
  enum class ParameterEnd : uint8_t { kSlash, kAnySeparator };

  // `path` is visible ASCII and starts with '/' (RFC 9112 section 3.2.1). kNone, or why no other
  // form of it can be trusted.
  PathDoubt Read(std::string_view path, const PathPolicy& policy = {});

  std::string_view received() const { return received_; }
  std::string_view resolved() const { return ordinary_ ? received_ : resolved_; }
  std::string_view matched() const { return ordinary_ ? received_ : matched_; }
  // Whether the received path must not be forwarded as it is, whatever the routes are: it has dot
  // segments or begins with two slashes, and would be another path to some readers; or it has runs
  // of slashes that are to be merged.
  bool must_be_resolved() const { return must_be_resolved_; }
  // Whether it has escapes, separators or parameters that some readers take for more than a name.
  bool has_other_readings() const { return has_other_readings_; }

  // Fills in liberal(): `matched` as a reader sees it who decodes again and again, takes an escaped
  // slash and a backslash for '/', and drops path parameters, everything after an escaped '?', '#'
  // or NUL, and trailing blanks and dots of segments. The rest is spelled as in `matched`. The
  // first `kept` bytes of `matched`, which a route's own path names, stay as they are.
  PathDoubt ReadLiberally(size_t kept, ParameterEnd end);
  std::string_view liberal() const { return liberal_; }
  // After ReadLiberally: whether the other ParameterEnd may make another path of it.
  bool has_parameters() const { return has_parameters_; }

  void Clear();

 private:
  std::string_view received_;
  bool ordinary_ = true;
  bool must_be_resolved_ = false;
  bool has_other_readings_ = false;
  bool has_parameters_ = false;
  std::string resolved_;
  std::string matched_;
  std::string decoded_;
  std::string liberal_;
};

// Makes each run of slashes one, up to the query of an origin-form target.
void MergeSlashes(std::string* target);

// A route's path in the form that `matched` has. nullopt: no request's path can match it (a
// malformed escape or %00).
std::optional<std::string> MatchedForm(std::string_view path);

// How many bytes of `path` spell the first `matched_bytes` bytes of its matched form. `path` has no
// dot segments.
size_t SpelledBytes(std::string_view path, size_t matched_bytes);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_PATH_FORM_H_
