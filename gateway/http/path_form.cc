#include "gateway/http/path_form.h"

#include <algorithm>
#include <array>

#include "gateway/http/syntax.h"
#include "pool/net/check.h"

namespace holdfast::http {
namespace {

// What a byte means that stands in a path by itself.
enum class ByteKind : uint8_t {
  kUnreserved,  // RFC 3986 section 2.3: an escape of it is the same
  kPlain,       // the rest of pchar but ';': an escape of it is data all the same
  kSlash,
  kParameter,  // ';'
  kEscape,     // '%'
  kForeign,    // no byte of a path; matched as its escape
};

constexpr std::array<ByteKind, 256> ByteKinds() {
  std::array<ByteKind, 256> kinds{};
  kinds.fill(ByteKind::kForeign);
  for (unsigned char byte : std::string_view("0123456789-._~ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "abcdefghijklmnopqrstuvwxyz")) {
    kinds[byte] = ByteKind::kUnreserved;
  }
  for (unsigned char byte : std::string_view("!$&'()*+,=:@")) kinds[byte] = ByteKind::kPlain;
  kinds['/'] = ByteKind::kSlash;
  kinds[';'] = ByteKind::kParameter;
  kinds['%'] = ByteKind::kEscape;
  return kinds;
}
constexpr std::array<ByteKind, 256> kByteKinds = ByteKinds();

ByteKind KindOf(char byte) { return kByteKinds[static_cast<unsigned char>(byte)]; }

// True when the path is its own resolved and matched form and has no other reading.
bool IsOrdinary(std::string_view path) {
  char before = '\0';
  for (const char byte : path) {
    switch (KindOf(byte)) {
      case ByteKind::kUnreserved:
        if (byte == '.' && before == '/') return false;
        break;
      case ByteKind::kPlain: break;
      case ByteKind::kSlash:
        if (before == '/' || before == '.') return false;
        break;
      default: return false;
    }
    before = byte;
  }
  return before != '.';
}

// The byte that the escape at the front of `text` stands for; -1 when there is none.
int EscapedByte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = HexValue(text[1]);
  const int low = HexValue(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

PathDoubt CheckEscapes(std::string_view path) {
  for (size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 3)) {
    const int byte = EscapedByte(path.substr(at));
    if (byte < 0) return PathDoubt::kMalformedEscape;
    if (byte == 0) return PathDoubt::kNul;
  }
  return PathDoubt::kNone;
}

bool HasEncodedSlash(std::string_view path) {
  for (size_t at = path.find("%2"); at != std::string_view::npos; at = path.find("%2", at + 2)) {
    if (EscapedByte(path.substr(at)) == '/') return true;
  }
  return false;
}

// A byte of a path, or an escape and the byte it stands for.
struct Unit {
  std::string_view spelled;
  char byte;
  bool escaped;
};

// Takes the first unit off `text`, the escapes of which have been checked.
Unit TakeUnit(std::string_view* text) {
  const bool escaped = text->front() == '%';
  const size_t size = escaped ? 3 : 1;
  const Unit unit{text->substr(0, size),
                  escaped ? static_cast<char>(EscapedByte(*text)) : text->front(), escaped};
  text->remove_prefix(size);
  return unit;
}

// Whether the unit is an escape, not the byte itself, in the matched form.
bool MatchedAsEscape(const Unit& unit) {
  switch (KindOf(unit.byte)) {
    case ByteKind::kUnreserved:
    case ByteKind::kPlain: return false;
    case ByteKind::kForeign: return true;
    default: return unit.escaped;
  }
}

void AppendMatched(const Unit& unit, std::string* out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (!MatchedAsEscape(unit)) {
    out->push_back(unit.byte);
    return;
  }
  const auto code = static_cast<unsigned char>(unit.byte);
  out->push_back('%');
  out->push_back(kDigits[code >> 4]);
  out->push_back(kDigits[code & 15]);
}

void AppendResolved(const Unit& unit, std::string* out) {
  if (KindOf(unit.byte) == ByteKind::kUnreserved) {
    out->push_back(unit.byte);
  } else {
    out->append(unit.spelled);
  }
}

// 1 for ".", 2 for "..", each dot escaped or not; 0 for any other segment.
int DotsOf(std::string_view segment) {
  int dots = 0;
  while (!segment.empty()) {
    if (TakeUnit(&segment).byte != '.' || ++dots > 2) return 0;
  }
  return dots;
}

// Builds the resolved and the matched form out of segments.
class SegmentWriter {
 public:
  SegmentWriter(std::string* resolved, std::string* matched)
      : resolved_(resolved), matched_(matched) {
    resolved_->clear();
    matched_->clear();
  }

  void Add(std::string_view segment) {
    resolved_->push_back('/');
    matched_->push_back('/');
    while (!segment.empty()) {
      const Unit unit = TakeUnit(&segment);
      AppendResolved(unit, resolved_);
      AppendMatched(unit, matched_);
    }
  }
  // Above the root there is nothing (RFC 3986 section 5.2.4).
  void RemoveLast() {
    for (std::string* form : {resolved_, matched_}) {
      if (!form->empty()) form->resize(form->rfind('/'));
    }
  }
  void AddSlash() {
    resolved_->push_back('/');
    matched_->push_back('/');
  }

 private:
  std::string* resolved_;
  std::string* matched_;
};

// True if there were dot segments.
bool Resolve(std::string_view path, std::string* resolved, std::string* matched) {
  SegmentWriter writer(resolved, matched);
  bool had_dots = false;
  std::string_view rest = path.substr(1);
  while (true) {
    const size_t slash = rest.find('/');
    const bool last = slash == std::string_view::npos;
    const std::string_view segment = rest.substr(0, slash);
    const int dots = DotsOf(segment);
    had_dots |= dots > 0;
    if (dots == 2) writer.RemoveLast();
    if (dots == 0 && !segment.empty()) {
      writer.Add(segment);
    } else if (last) {
      writer.AddSlash();
    }
    if (last) return had_dots;
    rest.remove_prefix(slash + 1);
  }
}

// ---- The liberal reading.

// Stands for a separator that is none in RFC 3986: an escaped slash or a backslash.
constexpr char kOtherSeparator = '\\';

// Decodes escapes at the end of what has been decoded so far, however often they were escaped, and
// overlong UTF-8 forms of ASCII (RFC 3629 section 3 forbids them; readers take them).
class Decoder {
 public:
  explicit Decoder(std::string* out) : out_(out) { out_->clear(); }

  void Keep(std::string_view text) { out_->append(text); }
  void Push(char byte) {
    out_->push_back(byte);
    while (Shorten()) {
    }
  }

 private:
  unsigned At(size_t from_end) const {
    return static_cast<unsigned char>((*out_)[out_->size() - from_end]);
  }
  bool Continues(size_t from_end) const { return (At(from_end) & 0xC0) == 0x80; }
  unsigned LastTwo() const { return (At(2) & 0x3F) << 6 | (At(1) & 0x3F); }

  // Takes one step; false when the end stays as it is.
  bool Shorten() {
    const size_t size = out_->size();
    if (size < 2) return false;
    if (Continues(1)) {
      if (At(2) == 0xC0 || At(2) == 0xC1) return Replace(2, LastTwo() & 0x7F);
      if (size < 3 || !Continues(2) || LastTwo() >= 0x80) return false;
      if (At(3) == 0xE0) return Replace(3, LastTwo());
      return size >= 4 && At(4) == 0xF0 && At(3) == 0x80 && Replace(4, LastTwo());
    }
    if (size < 3) return false;
    const int byte = EscapedByte(std::string_view(*out_).substr(size - 3));
    return byte >= 0 && Replace(3, static_cast<unsigned>(byte));
  }

  bool Replace(size_t bytes, unsigned byte) {
    out_->resize(out_->size() - bytes);
    out_->push_back(byte == '/' ? kOtherSeparator : static_cast<char>(byte));
    return true;
  }

  std::string* out_;
};

constexpr std::string_view kPathEnds("?#\0", 3);
constexpr std::string_view kNameEnds(";?#\0", 4);
constexpr std::string_view kSeparators("/\\");

bool IsBlank(char byte) { return static_cast<unsigned char>(byte) <= 0x20; }

// A segment's name without trailing blanks and dots, which Windows drops. Names of three dots or
// more are names.
std::string_view Trimmed(std::string_view name) {
  if (name.find_first_not_of('.') == std::string_view::npos) return name;
  while (!name.empty() && (IsBlank(name.back()) || name.back() == '.')) name.remove_suffix(1);
  return name;
}

// "." or "..", or what becomes one of them when its blanks are dropped.
bool IsHiddenDots(std::string_view name) {
  size_t dots = 0;
  for (const char byte : name) {
    if (byte == '.') {
      ++dots;
    } else if (!IsBlank(byte)) {
      return false;
    }
  }
  return dots > 0 && (dots <= 2 || dots < name.size());
}

// Whether readers may take path parameters to end in more than two ways: at the next slash, or at
// the only separator of the other kind before it.
bool HasUnclearParameters(std::string_view decoded) {
  bool in_parameter = false;
  int separators = 0;
  for (const char byte : decoded) {
    if (byte == ';') in_parameter = true;
    if (byte == '/') in_parameter = false;
    if (!in_parameter) continue;
    if (kPathEnds.find(byte) != std::string_view::npos) return true;
    if (byte == kOtherSeparator) ++separators;
  }
  return separators > 1;
}

// Writes one reader's path, segment by segment. It spells bytes that no path has by themselves as
// the matched form does, which routes have.
class LiberalWriter {
 public:
  LiberalWriter(PathForm::ParameterEnd end, std::string* out) : end_(end), out_(out) {}

  // Writes up to the next separator. The first `kept` bytes are a name whatever they are. False:
  // there is a hidden dot segment.
  bool Add(std::string_view segment, size_t kept) {
    const size_t size = std::min(segment.find_first_of(kNameEnds, kept), segment.size());
    const std::string_view name = segment.substr(0, size);
    if (IsHiddenDots(name)) return false;
    if (!Writing()) return true;
    out_->append(name.substr(0, kept));
    for (const char byte : name.substr(kept, std::max(Trimmed(name).size(), kept) - kept)) {
      AppendMatched({.spelled = {}, .byte = byte, .escaped = true}, out_);
    }
    if (size == segment.size()) return true;
    in_parameter_ = segment[size] == ';';
    ended_ = !in_parameter_;
    return true;
  }
  void AddSeparator(char separator) {
    if (separator == '/' || end_ == PathForm::ParameterEnd::kAnySeparator) in_parameter_ = false;
    if (Writing() && !out_->ends_with('/')) out_->push_back('/');
  }

 private:
  bool Writing() const { return !ended_ && !in_parameter_; }

  const PathForm::ParameterEnd end_;
  std::string* out_;
  bool ended_ = false;
  bool in_parameter_ = false;
};

}  // namespace

std::string_view PathDoubtText(PathDoubt doubt) {
  switch (doubt) {
    case PathDoubt::kNone: return "";
    case PathDoubt::kMalformedEscape: return "The path has a '%' without two hexadecimal digits.";
    case PathDoubt::kNul: return "The path has an escaped NUL.";
    case PathDoubt::kHiddenDotSegment:
      return "The path has a dot segment that only some readers see.";
    case PathDoubt::kUnclearParameter:
      return "The path has separators in path parameters that readers differ about.";
    case PathDoubt::kHiddenAuthority: return "The path begins with a slash and a backslash.";
    case PathDoubt::kOtherRoute: return "The path can be read as one that another route is for.";
    case PathDoubt::kEncodedSlash: return "The path has an escaped slash (%2F).";
    case PathDoubt::kRewrittenToDots:
      return "What the route rewrites the path to has a dot segment.";
    case PathDoubt::kRewrittenToHost:
      return "What the route rewrites the path to begins with two slashes, as a host does.";
    case PathDoubt::kRewrittenToNoPath:
      return "What the route rewrites the path to does not begin with a slash.";
  }
  HOLDFAST_CHECK(false);
}

PathDoubt PathForm::Read(std::string_view path, const PathPolicy& policy) {
  HOLDFAST_CHECK(path.starts_with('/'));
  received_ = path;
  must_be_resolved_ = has_other_readings_ = false;
  ordinary_ = policy.byte_for_byte() || IsOrdinary(path);
  if (policy.encoded_slash == EncodedSlash::kReject && HasEncodedSlash(path)) {
    return PathDoubt::kEncodedSlash;
  }
  if (ordinary_) return PathDoubt::kNone;
  if (const PathDoubt doubt = CheckEscapes(path); doubt != PathDoubt::kNone) return doubt;
  const bool had_dots = Resolve(path, &resolved_, &matched_);
  if (resolved_.starts_with("/\\")) return PathDoubt::kHiddenAuthority;
  const bool merge = policy.normalize == PathNormalization::kMergeSlashes;
  must_be_resolved_ =
      had_dots || path.starts_with("//") || (merge && path.find("//") != std::string_view::npos);
  has_other_readings_ = !IsOrdinary(matched_);
  return PathDoubt::kNone;
}

PathDoubt PathForm::ReadLiberally(size_t kept, ParameterEnd end) {
  const std::string_view from = matched();
  Decoder decoder(&decoded_);
  decoder.Keep(from.substr(0, kept));
  for (const char byte : from.substr(decoded_.size())) decoder.Push(byte);

  // Of the kept bytes, only those of the segment in which they end matter.
  std::string_view rest = decoded_;
  const size_t begin = kept == 0 ? 0 : rest.substr(0, kept).rfind('/') + 1;
  liberal_ = rest.substr(0, begin);
  kept -= begin;
  rest.remove_prefix(begin);
  has_parameters_ = rest.find(';') != std::string_view::npos;
  if (HasUnclearParameters(rest.substr(kept))) return PathDoubt::kUnclearParameter;
  LiberalWriter writer(end, &liberal_);
  while (true) {
    const size_t separator = rest.find_first_of(kSeparators, kept);
    if (!writer.Add(rest.substr(0, separator), kept)) return PathDoubt::kHiddenDotSegment;
    if (separator == std::string_view::npos) return PathDoubt::kNone;
    writer.AddSeparator(rest[separator]);
    rest.remove_prefix(separator + 1);
    kept = 0;
  }
}

void PathForm::Clear() {
  // The memory that one long path took is not kept for ever.
  constexpr size_t kKeptCapacity = 4096;
  received_ = {};
  if (ordinary_) return;  // There are no texts.
  ordinary_ = true;
  must_be_resolved_ = has_other_readings_ = has_parameters_ = false;
  for (std::string* text : {&resolved_, &matched_, &decoded_, &liberal_}) {
    text->clear();
    if (text->capacity() > kKeptCapacity) text->shrink_to_fit();
  }
}

void MergeSlashes(std::string* target) {
  const auto query = std::ranges::find(*target, '?');
  const auto both = [](char a, char b) { return a == '/' && b == '/'; };
  target->erase(std::unique(target->begin(), query, both), query);
}

std::optional<std::string> MatchedForm(std::string_view path) {
  if (!path.starts_with('/') || CheckEscapes(path) != PathDoubt::kNone) return std::nullopt;
  std::string resolved;
  std::string matched;
  Resolve(path, &resolved, &matched);
  return matched;
}

size_t SpelledBytes(std::string_view path, size_t matched_bytes) {
  std::string_view rest = path;
  size_t matched = 0;
  bool after_slash = false;
  while (!rest.empty() && matched < matched_bytes) {
    const Unit unit = TakeUnit(&rest);
    const bool slash = unit.byte == '/' && !unit.escaped;
    if (!slash || !after_slash) matched += MatchedAsEscape(unit) ? 3 : 1;
    after_slash = slash;
  }
  return path.size() - rest.size();
}

}  // namespace holdfast::http
