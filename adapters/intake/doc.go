// Package intake brings files into a vault over its REST API: it walks folders, uploads what the vault does not have, and can
// watch a folder and empty it as files arrive. It keeps no state of its own: the vault knows by their SHA-256 which files it has,
// so a run that was cut off is simply run again.
package intake
