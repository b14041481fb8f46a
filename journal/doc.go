// Package journal keeps what happened, in one durable order.
//
// An Event is a fact in the past tense; a Record is an event with the Seq and the time at which it became one. Records are
// appended in blocks, one block and one sync for each turn of the engine, and are read back by followers that never see
// anything before it is durable. The bodies of messages and the live rows (the state of what is still in the queue, kept
// as a cache of the fold over the records) stand in the same store, so that one batch can end a message and free its body.
//
// The package knows neither who decides (engine) nor who looks (projections), and nothing outside of it may know that the
// store is Pebble.
package journal
