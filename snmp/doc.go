// Package snmp lets monitoring systems ask the gateway, in SNMP v1, v2c and v3, and tells them of what is wrong with traps.
package snmp
