// Package classify files texts under topics without a network, a model or a training set: it compares the words of a text with
// the words of each topic's name and description, as a search engine compares documents with a query (BM25).
package classify
