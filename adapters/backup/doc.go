// Package backup keeps a whole vault in a folder, or in a tar of the same files.
//
// # The format, version 1
//
//	docuvault-backup   "docuvault-backup 1" and a line feed; written first
//	objects/KEY        the bytes of each object under its key, which has the shape {uuid}/{uuid}/{uuid4}{.ext}
//	objects.jsonl      an object a line: {"key","content_type","size","sha256"}
//	rows.jsonl         a row a line: {"folder":{…}}, {"topic":{…}}, {"document":{…}} or {"filing":{…}}, each after what it names
//	manifest.json      the numbers of rows, and size and SHA-256 of the two lists; written last
//
// Hashes are SHA-256 in lower-case hexadecimal, sizes are bytes, times RFC 3339 with microseconds, and what is absent is not known.
// What makes a backup whole is manifest.json: it vouches for the lists, and objects.jsonl for the objects. A folder may hold objects
// besides, of an earlier backup into it; they are not looked at.
//
// A tar (POSIX pax) holds the files in the order above. Before objects.jsonl can be read the objects have come by, so each has its
// line in its pax header too, as DOCUVAULT.object.
//
// # What is trusted
//
// Nothing of a backup: names other than those above are refused, links are not followed, lines and the manifest have a longest
// length, and a hash is compared before what it is of counts. That finds damage. It is no signature: who can write to a backup can
// write another one.
package backup
