#ifndef HOLDFAST_GATEWAY_CONFIG_FILE_PLACES_H_
#define HOLDFAST_GATEWAY_CONFIG_FILE_PLACES_H_

#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/diagnostic.h"

namespace holdfast::config {

// Whoever reads the files that a configuration names knows values, not places. This finds where
// `text`, which the configuration `file` holds, names each file that is complained about.
//
// `complaints` has a line each: "listener NAME: PATH: ..." or "upstream NAME: PATH: ...", as
// tls::LoadTls tells them, or "route NAME: PATH: ...", as route::LoadPasswordFiles and
// route::LoadKeyFiles do, "tracing: PATH: ..." (route::LoadCollectorFiles), or "access_log: PATH:
// ..." (surroundings.h). One that begins otherwise gets no position; those that say the same of one
// place are one. Pure; safe on any text.
std::vector<Diagnostic> PlaceComplaints(std::string_view complaints, std::string_view text,
                                        std::string_view file);

// The same with what the file, and those that it includes, hold now. Blocks.
std::vector<Diagnostic> PlaceComplaintsIn(const std::string& path, std::string_view complaints);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_FILE_PLACES_H_
