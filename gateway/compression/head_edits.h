#ifndef HOLDFAST_GATEWAY_COMPRESSION_HEAD_EDITS_H_
#define HOLDFAST_GATEWAY_COMPRESSION_HEAD_EDITS_H_

#include <string>

#include "gateway/compression/eligibility.h"
#include "gateway/http/header_list.h"
#include "gateway/http/message.h"

namespace holdfast::compression {

// Makes of a response's head what `decision` says, kHead as the GET would get it (RFC 9110 section
// 9.3.2):
// - Content-Encoding is the coding, the length is no longer known, and its end is framed otherwise;
// - a strong ETag becomes weak: the bytes are others, what they mean is the same (section 8.8.1).
//   One that is malformed goes, and so does a second one;
// - Accept-Ranges and digests go: they are of other bytes.
// Where the decision says `vary`, Accept-Encoding joins the last field Vary, unless it is in one
// or one is `*`. Fields are changed in place, dropped or added. `*text`, which is filled anew,
// holds what had to be made and lives as long as the head. Pure otherwise.
void EditHead(const Decision& decision, http::ResponseHead* head, std::string* text);

// The trailers of a body that is encoded: without digests.
void EditTrailers(http::HeaderList* trailers);

}  // namespace holdfast::compression

#endif  // HOLDFAST_GATEWAY_COMPRESSION_HEAD_EDITS_H_
