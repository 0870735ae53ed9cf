// Package postgres keeps the vault's rows in PostgreSQL 15 or newer, through GORM on a pool of pgx connections.
//
// A [Store] is a ports.Repository. Whose rows a query may see is part of the query: nobody's are those whose user_id is NULL
// (D-03). The tables are made by package adapters/schema from schema.hcl, never by GORM; a test compares the row types here
// with the tables column by column. Python's workers write the same rows, so reading expects anything the columns can hold.
//
// Statements commit one by one unless several have to hold together: an upload is one INSERT, a move of a document's state
// one SELECT and one UPDATE that asks for the state it read.
package postgres
