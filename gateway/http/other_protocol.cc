#include "gateway/http/other_protocol.h"

#include <cstddef>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

enum class Fit { kNo, kSoFar, kYes };

// RFC 8446 section 5.1: a record's type, then the version 3.x.
Fit FitsTls(std::string_view bytes) {
  constexpr size_t kBytes = 3;
  if (bytes[0] < 0x14 || bytes[0] > 0x17) return Fit::kNo;
  if (bytes.size() > 1 && bytes[1] != 0x03) return Fit::kNo;
  if (bytes.size() > 2 && (bytes[2] < 0x00 || bytes[2] > 0x04)) return Fit::kNo;
  return bytes.size() < kBytes ? Fit::kSoFar : Fit::kYes;
}

// The signature of haproxy.org/download/3.0/doc/proxy-protocol.txt, without its two empty lines.
Fit FitsProxyProtocol(std::string_view bytes) {
  constexpr std::string_view kSignature("\0\r\nQUIT\n", 8);
  const std::string_view compared = bytes.substr(0, kSignature.size());
  if (compared != kSignature.substr(0, compared.size())) return Fit::kNo;
  return compared.size() < kSignature.size() ? Fit::kSoFar : Fit::kYes;
}

// RFC 9113 section 3.4: a server begins with a SETTINGS frame, which is short, has no flags and is
// of stream 0.
Fit FitsHttp2Settings(std::string_view bytes) {
  constexpr std::string_view kFrame("\0\0L\4\0\0\0\0\0", 9);  // L: any length
  for (size_t i = 0; i < kFrame.size(); ++i) {
    if (i == bytes.size()) return Fit::kSoFar;
    if (kFrame[i] != 'L' && bytes[i] != kFrame[i]) return Fit::kNo;
  }
  return Fit::kYes;
}

bool EndsWithVersion(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  constexpr size_t kVersionBytes = 8;
  return line.size() > kVersionBytes &&
         line.substr(line.size() - kVersionBytes).starts_with("HTTP/");
}

}  // namespace

Refusal NameBinaryProtocol(std::string_view bytes) {
  struct Candidate {
    Fit (*fits)(std::string_view bytes);
    Refusal refusal;
  };
  constexpr Candidate kCandidates[] = {
      {FitsTls, Refusal::kLooksLikeTls},
      {FitsProxyProtocol, Refusal::kLooksLikeProxyProtocol},
      {FitsHttp2Settings, Refusal::kLooksLikeHttp2},
  };
  if (bytes.empty()) return Refusal::kIncompleteHead;
  Refusal answer = Refusal::kMalformedStartLine;
  for (const Candidate& candidate : kCandidates) {
    const Fit fit = candidate.fits(bytes);
    if (fit == Fit::kYes) return candidate.refusal;
    if (fit == Fit::kSoFar) answer = Refusal::kIncompleteHead;
  }
  return answer;
}

// A token may be a method, so what ends as a request line does is one.
Refusal NameLineProtocol(std::string_view line) {
  if (EndsWithVersion(line)) return Refusal::kNone;
  if (line.starts_with("SSH-") && line.size() > 5 && IsDigit(line[4])) {
    return Refusal::kLooksLikeSsh;
  }
  for (const std::string_view family : {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN"}) {
    if (line.starts_with(family)) return Refusal::kLooksLikeProxyProtocol;
  }
  return Refusal::kNone;
}

}  // namespace holdfast::http
