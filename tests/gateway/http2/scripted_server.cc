#include "tests/gateway/http2/scripted_server.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace holdfast::http2 {
namespace {

std::vector<nghttp2_nv> Raw(const Fields& fields) {
  std::vector<nghttp2_nv> raw;
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const auto& [name, value] : fields) {
    raw.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return raw;
}

Fields WithStatus(int status, const Fields& fields) {
  Fields all = {{":status", std::to_string(status)}};
  all.insert(all.end(), fields.begin(), fields.end());
  return all;
}

std::string Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::string_view SeenRequest::Field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (known == name) return value;
  }
  return {};
}

struct ServerCallbacks {
  static ScriptedServer& Of(void* user) { return *static_cast<ScriptedServer*>(user); }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    SeenRequest& request = Of(user).requests[frame->hd.stream_id];
    const bool first = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    (first ? request.fields : request.trailers)
        .emplace_back(Text(name, name_size), Text(value, value_size));
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    ScriptedServer& server = Of(user);
    switch (frame->hd.type) {
      case NGHTTP2_PING: server.pings_ += (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 ? 1 : 0; break;
      case NGHTTP2_GOAWAY: server.goaway_ = frame->goaway.error_code; break;
      case NGHTTP2_RST_STREAM: {
        SeenRequest& request = server.requests[frame->hd.stream_id];
        request.reset = frame->rst_stream.error_code;
        if (server.on_reset) server.on_reset(request);
        break;
      }
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: {
        SeenRequest& request = server.requests[frame->hd.stream_id];
        request.id = frame->hd.stream_id;
        const bool head =
            frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
        if (head && server.on_head) server.on_head(request);
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) break;
        request.ended = true;
        if (server.on_end) server.on_end(request);
        break;
      }
      default: break;
    }
    return 0;
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                    void* user) {
    SeenRequest& request = Of(user).requests[id];
    request.body_bytes += size;
    if (Of(user).terms_.keeps_bodies) request.body += Text(bytes, size);
    return 0;
  }

  static int OnClose(nghttp2_session*, int32_t, uint32_t, void* user) {
    if (Of(user).on_close) Of(user).on_close();
    return 0;
  }

  static ssize_t Read(nghttp2_session* session, int32_t id, uint8_t* to, size_t length,
                      uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& body = *static_cast<ScriptedServer::Body*>(source->ptr);
    const size_t bytes = std::min(length, body.bytes.size() - body.at);
    if (bytes == 0 && !body.end) {
      body.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    std::memcpy(to, body.bytes.data() + body.at, bytes);
    body.at += bytes;
    if (body.at < body.bytes.size() || !body.end) return static_cast<ssize_t>(bytes);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!body.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto fields = Raw(body.trailers);
      nghttp2_submit_trailer(session, id, fields.data(), fields.size());
    }
    return static_cast<ssize_t>(bytes);
  }
};

ScriptedServer::ScriptedServer(int fd, const ServerTerms& terms) : fd_(fd), terms_(terms) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &ServerCallbacks::OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &ServerCallbacks::OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &ServerCallbacks::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &ServerCallbacks::OnClose);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  if (!terms.opens_windows) nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_stream_reset_rate_limit(option, 100'000, 100'000);
  nghttp2_session_server_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (terms.greets) SendSettings(terms.max_streams);
}

ScriptedServer::~ScriptedServer() { nghttp2_session_del(session_); }

bool ScriptedServer::Pump() {
  std::array<uint8_t, 64 * 1024> bytes;
  while (!failed_) {
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) return false;
    failed_ = nghttp2_session_mem_recv(session_, bytes.data(), static_cast<size_t>(got)) < 0;
  }
  while (true) {
    if (out_.size() < bytes.size()) {
      const uint8_t* framed = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &framed);
      if (size < 0) return false;
      out_.append(reinterpret_cast<const char*>(framed), static_cast<size_t>(size));
      if (size > 0) continue;
    }
    if (out_.empty()) break;
    const ssize_t sent = send(fd_, out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    out_.erase(0, static_cast<size_t>(sent));
  }
  return !failed_;
}

bool ScriptedServer::WantsWrite() const { return !out_.empty(); }

void ScriptedServer::SendSettings(std::optional<uint32_t> max_streams) {
  std::vector<nghttp2_settings_entry> entries;
  if (max_streams.has_value()) {
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, *max_streams});
  }
  if (terms_.tunnels) entries.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
}

void ScriptedServer::Inform(int32_t id, int status, const Fields& fields) {
  const Fields all = WithStatus(status, fields);
  const auto raw = Raw(all);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, raw.data(), raw.size(), nullptr);
}

void ScriptedServer::Respond(int32_t id, int status, const Fields& fields, std::string_view body,
                             bool end, const Fields& trailers) {
  const Fields all = WithStatus(status, fields);
  const auto raw = Raw(all);
  Body& out = bodies_[id];
  out.bytes = body;
  out.end = end;
  out.trailers = trailers;
  const nghttp2_data_provider provider = {.source = {.ptr = &out},
                                          .read_callback = &ServerCallbacks::Read};
  const bool only_head = body.empty() && end && trailers.empty();
  nghttp2_submit_response(session_, id, raw.data(), raw.size(), only_head ? nullptr : &provider);
}

void ScriptedServer::SendBody(int32_t id, std::string_view body, bool end) {
  Body& out = bodies_[id];
  out.bytes.append(body);
  out.end = end;
  if (!out.deferred) return;
  out.deferred = false;
  nghttp2_session_resume_data(session_, id);
}

void ScriptedServer::EndWithData(int32_t id) {
  Body& out = bodies_[id];
  out.end = true;
  const nghttp2_data_provider provider = {.source = {.ptr = &out},
                                          .read_callback = &ServerCallbacks::Read};
  nghttp2_submit_data(session_, NGHTTP2_FLAG_END_STREAM, id, &provider);
}

void ScriptedServer::Reset(int32_t id, uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, code);
}

void ScriptedServer::GoAway(int32_t last, uint32_t code) {
  said_goodbye_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, code, nullptr, 0);
}

void ScriptedServer::NoticeOfShutdown() { nghttp2_submit_shutdown_notice(session_); }

size_t ScriptedServer::Waiting(int32_t id) const {
  const auto body = bodies_.find(id);
  return body == bodies_.end() ? 0 : body->second.bytes.size() - body->second.at;
}

}  // namespace holdfast::http2
