#ifndef HOLDFAST_GATEWAY_ACME_CHECK_NOTES_H_
#define HOLDFAST_GATEWAY_ACME_CHECK_NOTES_H_

#include <string>
#include <vector>

#include "gateway/config/config.h"

namespace holdfast::acme {

// What a process with this configuration would do on this machine about certificates, a sentence
// for each matter: which it would order and where, which are there, and whether their folder can be
// written. It asks nobody and writes nothing. Blocks on files.
std::vector<std::string> CheckNotes(const config::Config& config);

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_CHECK_NOTES_H_
