// Package domain holds what the vault is about: documents, topics and folders, the rules their values obey and the moves a
// document makes from upload to ready. It knows nothing of databases, queues or HTTP, reads no clock and makes no ids.
package domain
