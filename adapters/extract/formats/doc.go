// Package formats reads the text out of documents whose bytes are all in memory. It is the part that touches untrusted
// bytes, so it runs in a child process (package extract) that may be killed at any moment; in here limits are counted, never
// timed.
//
// Each format is one function in one file, which writes what it reads into a page of limited size and says what is wrong with
// the document by an Unreadable error with one of the reasons of package ports. A new format is a file and a line in table.
package formats
