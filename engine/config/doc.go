// Package config is the configuration document: its types, its defaults, the checks of its shape, and the difference of
// two documents. It reads and judges text and asks the machine for nothing but its name, so that the same code serves the
// start, a commit, and "postern config check". Every error names line, column and what would be allowed, and all errors
// of a document are found at once.
package config
