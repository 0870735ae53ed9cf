// Package classify files texts under topics without a network.
//
// A Classifier compares the words of a text with the words of each topic's name and description, as a search engine compares
// documents with a query (BM25). A Learner makes models of what people filed: topics with a few decided documents get a linear
// support vector machine of their own, the others a naive Bayes scorer that learns from the documents which match them.
package classify
