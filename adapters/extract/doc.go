// Package extract reads the text out of documents in child processes of the same binary.
//
// Parsers of other people's files hang, crash and eat memory. Here that costs one document, never the program: each document is
// piped to a child that has a bounded address space, no inherited descriptors, no secrets in its environment and an unnamed
// empty working folder, that may make no system call but those of computing (on Linux), and that is killed at the document's
// deadline. The memory of the parent does not grow with the document. docs/extraction.md lists the layers.
//
// Starting a process costs more than reading a letter, so a child reads many documents before it is replaced, all of one owner:
// whatever a document may do to a child, it meets nobody else's documents there.
//
// The program that uses this package must hand over to [Main] when its first argument is [WorkerCommand], before it does
// anything else. What can be read is in the package formats below this folder.
package extract
