#include "gateway/server/listener_set.h"

#include <algorithm>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/server/op_log.h"
#include "pool/net/check.h"

namespace holdfast::server {

void ListenerSet::DropInheritance() {
  for (const auto& [key, sockets] : inheritance_.listeners) {
    LogWarning(absl::StrCat("listener ", key, " is not taken over: it is not configured any more"));
  }
  inheritance_.listeners.clear();
  inheritance_.status.Reset();
}

bool ListenerSet::IsOurPort(const pool::SocketAddress& address) const {
  return address.is_ip() && ports_.contains(address.port());
}

void ListenerSet::NotePort(const pool::SocketAddress& address) {
  if (address.is_ip()) ports_.insert(address.port());
}

// Sockets for a listener that is new only by its name: those handed over by the process before us,
// or those of a present listener with the same address, which a reload renames.
absl::StatusOr<std::vector<pool::FileDescriptor>> ListenerSet::SocketsHeld(
    const config::Listener& listener) {
  std::vector<pool::FileDescriptor> inherited =
      inheritance_.TakeListener(ListenerKey(listener), listener.bind.address);
  if (!inherited.empty()) return inherited;
  for (const auto& [key, present] : present_) {
    const bool fixed = !present.address.is_ip() || present.address.port() != 0;
    if (fixed && present.address == listener.bind.address) return CopySockets(present.copies);
  }
  for (const Leaving& leaving : leaving_) {
    const auto address = pool::LocalAddress(leaving.copies.front().get());
    if (address.ok() && *address == listener.bind.address) return CopySockets(leaving.copies);
  }
  return std::vector<pool::FileDescriptor>();
}

absl::StatusOr<BoundListeners> ListenerSet::BindNew(const config::Config& config, size_t workers) {
  BoundListeners bound;
  for (const config::Listener& listener : config.listeners) {
    const std::string key = ListenerKey(listener);
    if (present_.contains(key)) continue;
    absl::StatusOr<std::vector<pool::FileDescriptor>> held = SocketsHeld(listener);
    if (!held.ok()) return held.status();
    absl::StatusOr<BoundListener> sockets =
        BindListener(listener, workers, std::move(*held), IsOurPort(listener.bind.address));
    if (!sockets.ok()) return sockets.status();
    NotePort(sockets->address);
    bound[key] = std::move(*sockets);
  }
  return bound;
}

absl::StatusOr<pool::FileDescriptor> ListenerSet::BindStatus(const config::Config& config) {
  if (!config.status.has_value()) return pool::FileDescriptor();
  const pool::SocketAddress& address = config.status->address;
  pool::FileDescriptor inherited = inheritance_.TakeStatus(address);
  if (inherited.valid()) return inherited;
  absl::StatusOr<pool::FileDescriptor> socket = BindFirst(address, IsOurPort(address));
  if (socket.ok()) {
    NotePort(*pool::LocalAddress(socket->get()));
    return socket;
  }
  return absl::Status(socket.status().code(), absl::StrCat("status: ", socket.status().message()));
}

void ListenerSet::Adopt(const config::Config& config, BoundListeners* bound, uint64_t publication) {
  std::map<std::string, Present> before = std::exchange(present_, {});
  for (const config::Listener& listener : config.listeners) {
    const std::string key = ListenerKey(listener);
    if (auto known = before.extract(key); !known.empty()) {
      present_.insert(std::move(known));
      continue;
    }
    BoundListener& fresh = bound->at(key);
    HOLDFAST_CHECK(!fresh.copies.empty());
    Announce(listener.name, fresh.address);
    present_[key] = {listener.bind.address, std::move(fresh.copies)};
  }
  for (auto& [key, gone] : before) leaving_.push_back({std::move(gone.copies), publication});
}

void ListenerSet::OnAdopted(uint64_t publication) {
  std::erase_if(leaving_,
                [&](const Leaving& leaving) { return leaving.publication == publication; });
}

void ListenerSet::Announce(const std::string& name, const pool::SocketAddress& address) {
  addresses_[name] = address.ToString();
  LogInfo(absl::StrCat("listening name=", name, " address=", address.ToString()));
}

std::map<std::string, std::vector<int>> ListenerSet::Descriptors() const {
  std::map<std::string, std::vector<int>> all;
  for (const auto& [key, present] : present_) {
    for (const pool::FileDescriptor& copy : present.copies) all[key].push_back(copy.get());
  }
  return all;
}

void ListenerSet::Close() {
  present_.clear();
  leaving_.clear();
}

}  // namespace holdfast::server
