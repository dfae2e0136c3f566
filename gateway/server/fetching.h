#ifndef HOLDFAST_GATEWAY_SERVER_FETCHING_H_
#define HOLDFAST_GATEWAY_SERVER_FETCHING_H_

#include <functional>
#include <memory>

#include "gateway/config/config.h"
#include "gateway/fetch/exchanges.h"
#include "gateway/server/main_context.h"
#include "pool/tls/tls_settings.h"

namespace holdfast::server {

// Makes a way to servers that the gateway itself asks something. One of `authorities` vouches for
// them; empty: one of the system's.
using Connect = std::function<std::unique_ptr<fetch::Exchanges>(const config::Dns& dns,
                                                                pool::TlsFile authorities)>;

// With the main thread's own means: its loop, and a resolver for each way. `main` outlives what it
// makes.
Connect ConnectFrom(MainContext* main);

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_FETCHING_H_
