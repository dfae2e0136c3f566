#ifndef HOLDFAST_GATEWAY_CONFIG_REFERENCE_PAGE_H_
#define HOLDFAST_GATEWAY_CONFIG_REFERENCE_PAGE_H_

#include <string>

namespace holdfast::config {

// The reference of every key, in Markdown: `holdfast config docs`. deploy/CONFIGURATION.md is this
// text.
std::string ReferencePage();

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_REFERENCE_PAGE_H_
