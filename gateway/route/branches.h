#ifndef HOLDFAST_GATEWAY_ROUTE_BRANCHES_H_
#define HOLDFAST_GATEWAY_ROUTE_BRANCHES_H_

#include <cstdint>
#include <vector>

#include "gateway/route/route_table.h"
#include "pool/weighted_draw.h"

namespace holdfast::route {

// What a split makes of its route: the same route once for each upstream that gets requests, in the
// order of the file. Whoever has chosen one goes on with it as with any route, so that all that is
// done, counted and told of a request is about the upstream that was chosen. They have the name and
// the place of their route, share its limits, and are not split themselves.
//
// Immutable once the table is made; any thread. It lives as long as the table.
struct Branches {
  // The one on which `number` falls, if numbers are uniform over 64 bits. Each has one whole range
  // of them, as wide as its weight says: where two share a route and the weights change, only the
  // difference moves to the other. Allocates nothing.
  const Route& At(uint64_t number) const { return routes[draw.Draw(number)]; }

  std::vector<Route> routes;  // at least one
  pool::WeightedDraw draw;    // of their positions
};

}  // namespace holdfast::route

#endif  // HOLDFAST_GATEWAY_ROUTE_BRANCHES_H_
