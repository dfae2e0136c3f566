#ifndef HOLDFAST_GATEWAY_SERVER_DESCRIPTOR_BUDGET_H_
#define HOLDFAST_GATEWAY_SERVER_DESCRIPTOR_BUDGET_H_

#include <cstddef>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"

namespace holdfast::server {

// Who may have how many of the process's file descriptors, as a sum that people can check:
//
//   limit = gateway + upstream connections + clients
//
// `gateway`: loops, mailboxes, listeners, the status port, logs, DNS, health checks. Upstream
// connections have what the configuration allows them (max_connections times endpoints, of which a
// name is taken to stand for eight, and breakers.connections), at most half of what is left. The
// rest is the clients'. Idle upstream connections, part of the upstreams' share, are at most a
// fifth of the limit. The shares are enforced, however many addresses names turn out to have.
struct DescriptorBudget {
  size_t limit = 0;
  size_t gateway = 0;
  size_t upstreams = 0;
  size_t idle_upstreams = 0;
  size_t clients = 0;
  size_t status_clients = 0;  // part of the gateway's
  // What of max_connections has no room: sentences for warnings.
  std::vector<std::string> cuts;

  // "20000 descriptors = 76 gateway + 512 upstream connections (at most 512 idle) + 19412
  // clients"
  std::string ToString() const;
};

// The error names what does not fit.
absl::StatusOr<DescriptorBudget> PlanDescriptors(const config::Config& config, size_t workers,
                                                 size_t limit);

// Raises the soft limit to the hard one and returns it (RLIMIT_NOFILE).
size_t RaiseDescriptorLimit();

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_DESCRIPTOR_BUDGET_H_
