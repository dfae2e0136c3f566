#ifndef HOLDFAST_GATEWAY_SERVER_DESCRIPTOR_BUDGET_H_
#define HOLDFAST_GATEWAY_SERVER_DESCRIPTOR_BUDGET_H_

#include <cstddef>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"

namespace holdfast::server {

// How the process's file descriptors are divided, as a sum that people can check:
//
//   limit = gateway + upstream connections + clients
//
// The gateway's part is for loops, mailboxes, listeners, the status port, logs, DNS and health
// checks. Upstream connections get what the configuration allows them (max_connections times
// endpoints, where a name counts as eight, and breakers.connections), but at most half of what is
// left. The clients get the rest. Idle upstream connections are a part of the upstreams' share, and
// at most a fifth of the limit. The shares hold however many addresses the names turn out to have.
struct DescriptorBudget {
  size_t limit = 0;
  size_t gateway = 0;
  size_t upstreams = 0;
  size_t idle_upstreams = 0;
  size_t clients = 0;
  size_t status_clients = 0;  // part of the gateway's
  // Which max_connections do not fit: sentences for warnings.
  std::vector<std::string> cuts;

  // "20000 descriptors = 76 gateway + 512 upstream connections (at most 512 idle) + 19412
  // clients"
  std::string ToString() const;
};

// Plans the division. The error names what does not fit.
absl::StatusOr<DescriptorBudget> PlanDescriptors(const config::Config& config, size_t workers,
                                                 size_t limit);

// Raises the soft limit to the hard one and returns it (RLIMIT_NOFILE).
size_t RaiseDescriptorLimit();

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_DESCRIPTOR_BUDGET_H_
