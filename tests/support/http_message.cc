#include "tests/support/http_message.h"

#include <strings.h>

#include <algorithm>
#include <charconv>

#include <gtest/gtest.h>

namespace holdfast::support {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string Quoted(std::string_view text) { return ::testing::PrintToString(std::string(text)); }

// The line at the front of `*text`, which keeps the rest.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find(kLineEnd), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + kLineEnd.size(), text->size()));
  return line;
}

// `lines` without the empty one at the end.
Fields ParseFields(std::string_view lines) {
  Fields fields;
  while (!lines.empty()) {
    const std::string_view line = TakeLine(&lines);
    const size_t colon = line.find(':');
    const bool fine = colon != line.npos && colon > 0 && line.find_first_of(" \t\r\n") > colon &&
                      line.find('\r') == line.npos && line.find('\n') == line.npos;
    EXPECT_TRUE(fine) << "not a field line: " << Quoted(line);
    if (!fine) continue;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    fields.emplace_back(line.substr(0, colon), value);
  }
  return fields;
}

std::optional<uint64_t> ParseNumber(std::string_view text, int base) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void ReadLengthBody(WireSocket& socket, Message* message) {
  EXPECT_EQ(message->Count("content-length"), 1u) << message->head;
  const std::string value = message->Value("content-length");
  const std::optional<uint64_t> length = ParseNumber(value, 10);
  if (!length.has_value()) {
    ADD_FAILURE() << "Content-Length: " << value;
    return;
  }
  message->body = socket.ReadBytes(*length);
}

void ReadChunkedBody(WireSocket& socket, Message* message) {
  EXPECT_FALSE(message->Has("content-length")) << message->head;
  EXPECT_EQ(message->Count("transfer-encoding"), 1u) << message->head;
  while (!::testing::Test::HasFatalFailure()) {
    const std::string data = ReadChunk(socket, message);
    if (data.empty()) return;
    message->body += data;
  }
}

void ExpectNoFraming(const Message& message) {
  EXPECT_FALSE(message.Has("content-length")) << message.head;
  EXPECT_FALSE(message.Has("transfer-encoding")) << message.head;
}

}  // namespace

int Message::Status() const {
  if (!start_line.starts_with("HTTP/1.1 ") || start_line.size() < 12) return 0;
  return static_cast<int>(ParseNumber(start_line.substr(9, 3), 10).value_or(0));
}

std::string Message::Method() const { return start_line.substr(0, start_line.find(' ')); }

std::string Message::Target() const {
  const size_t begin = std::min(start_line.find(' ') + 1, start_line.size());
  return start_line.substr(begin, start_line.rfind(' ') - begin);
}

size_t Message::Count(std::string_view name) const {
  return static_cast<size_t>(std::ranges::count_if(
      fields, [&](const auto& field) { return SameName(field.first, name); }));
}

std::string Message::Value(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (SameName(field, name)) return value;
  }
  return "";
}

std::optional<std::string> Message::Trailer(std::string_view name) const {
  for (const auto& [field, value] : trailers) {
    if (SameName(field, name)) return value;
  }
  return std::nullopt;
}

bool Message::HasLine(std::string_view line) const {
  return head.find(std::string(kLineEnd) + std::string(line) + std::string(kLineEnd)) !=
         std::string::npos;
}

Message ReadHead(WireSocket& socket) {
  Message message;
  message.head = socket.ReadUntil("\r\n\r\n");
  std::string_view lines = message.head;
  if (!lines.ends_with("\r\n\r\n")) return message;
  lines.remove_suffix(kLineEnd.size());
  message.start_line = TakeLine(&lines);
  message.fields = ParseFields(lines);
  message.chunked = message.Value("transfer-encoding") == "chunked";
  EXPECT_EQ(message.Has("transfer-encoding"), message.chunked) << message.head;
  return message;
}

std::string ReadChunk(WireSocket& socket, Message* message) {
  std::string line = socket.ReadUntil(kLineEnd);
  line.resize(line.size() - std::min(line.size(), kLineEnd.size()));
  const std::optional<uint64_t> size = ParseNumber(line, 16);
  if (!size.has_value()) {
    ADD_FAILURE() << "not a chunk size: " << Quoted(line);
    return "";
  }
  if (*size > 0) {
    message->chunks.push_back(*size);
    std::string data = socket.ReadBytes(*size);
    EXPECT_EQ(socket.ReadBytes(kLineEnd.size()), kLineEnd) << "behind a chunk";
    return data;
  }
  std::string trailers;
  for (std::string field = socket.ReadUntil(kLineEnd); field.size() > kLineEnd.size();
       field = socket.ReadUntil(kLineEnd)) {
    trailers += field;
  }
  message->trailers = ParseFields(trailers);
  return "";
}

void ReadRequestBody(WireSocket& socket, Message* message) {
  if (message->chunked) return ReadChunkedBody(socket, message);
  if (message->Has("content-length")) ReadLengthBody(socket, message);
}

Message ReadRequest(WireSocket& socket) {
  Message message = ReadHead(socket);
  ReadRequestBody(socket, &message);
  return message;
}

Message ReadResponse(WireSocket& socket, std::string_view method) {
  Message message = ReadHead(socket);
  const int status = message.Status();
  if (status == 0) {
    ADD_FAILURE() << "not a response: " << Quoted(message.head);
    return message;
  }
  if (status < 200 || status == 204) {
    ExpectNoFraming(message);
  } else if (method == "HEAD" || status == 304) {
    EXPECT_LE(message.Count("content-length"), 1u) << message.head;
  } else if (message.chunked) {
    ReadChunkedBody(socket, &message);
  } else if (message.Has("content-length")) {
    ReadLengthBody(socket, &message);
  } else {
    message.until_close = true;
    StreamEnd end;
    message.body = socket.ReadToEnd(&end);
    EXPECT_EQ(end, StreamEnd::kClosed) << "the body does not end in order: " << message.head;
  }
  return message;
}

}  // namespace holdfast::support
