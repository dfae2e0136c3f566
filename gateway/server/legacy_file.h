#ifndef HOLDFAST_GATEWAY_SERVER_LEGACY_FILE_H_
#define HOLDFAST_GATEWAY_SERVER_LEGACY_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "pool/net/socket.h"
#include "pool/tls/keyed_digest.h"

// What a process tells the one that takes its place in secret: a file that is in memory only, whose
// descriptor that one inherits (gateway/server/inheritance.h). It has lines of three words. Who
// knows nothing of a line's first word passes over it, so that older and newer programs may follow
// one another.

namespace holdfast::server {

// A file that has the text; invalid for an empty one, and when there can be none.
pool::FileDescriptor MakeLegacyFile(std::string_view text);
// What such a file has; empty for an invalid one.
std::string ReadLegacyFile(const pool::FileDescriptor& file);

// The line that has the secret of route::Snapshot, and what the lines say of it; nullopt: nothing.
std::string FormatProcessKey(const pool::KeyedDigest::Key& key);
std::optional<pool::KeyedDigest::Key> FindProcessKey(std::string_view text);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_LEGACY_FILE_H_
