// Package observed puts watchers around the ports: each operation of an adapter is told to them before it begins and when it is
// done. What is told is bounded: names of operations, content types and outcomes, never keys, file names or texts.
package observed
