package snmp

import (
	"math"
	"slices"
	"time"

	"postern/hardware"
)

// The ranges of the tables' indices. What is beyond has no row.
const (
	maxPowerSupplies = 8
	maxTemperatures  = 64
	maxFans          = 64
	maxKeys          = 1024
	maxUpdates       = 1024
	maxDrives        = 1024
)

// indexed names a row by the number that it bears, such as a sensor's, so that it keeps its name while others come and go.
func indexed[Row any](number func(*Row) int) func(int, *Row) OID {
	return func(_ int, r *Row) OID { return OID{uint32(number(r))} }
}

// within leaves out rows whose numbers are not in the range of the index, or not ascending.
func within[Row any](rows []Row, most int, number func(*Row) int) []Row {
	out, last := make([]Row, 0, len(rows)), 0
	for i := range rows {
		if n := number(&rows[i]); n > last && n <= most {
			out, last = append(out, rows[i]), n
		}
	}
	return out
}

// asyncosTables are those of hardware, of keys and of updates. A machine without such hardware has empty ones. The index of
// temperatures and fans may not be read, that of the others may. A row has all of its columns or is not there: pollers walk
// one column after the other, and put together what stands at the same place of each.
func asyncosTables() []part[image] {
	return []part[image]{powerSupplyTable(), temperatureTable(), fanTable(), keyExpirationTable(), updateTable(), raidTable()}
}

func powerSupplyTable() part[image] {
	number := func(p *hardware.PowerSupply) int { return p.Index }
	rows := func(i *image) []hardware.PowerSupply {
		return within(i.sensors.PowerSupplies, maxPowerSupplies, number)
	}
	type col = column[hardware.PowerSupply]
	return tableOf(asyncosObjects.Append(8, 1), rows, indexed(number),
		col{1, func(p *hardware.PowerSupply) Value { return Integer(p.Index) }},
		col{2, func(p *hardware.PowerSupply) Value { return oneOf(int(p.Status), 4) }},
		col{3, func(p *hardware.PowerSupply) Value { return oneOf(int(p.Redundancy), 2) }},
		col{4, func(p *hardware.PowerSupply) Value { return DisplayString(p.Name) }})
}

func temperatureTable() part[image] {
	number := func(t *hardware.Temperature) int { return t.Index }
	rows := func(i *image) []hardware.Temperature {
		measured := within(i.sensors.Temperatures, maxTemperatures, number)
		return slices.DeleteFunc(measured, func(t hardware.Temperature) bool { return math.IsNaN(t.Celsius) })
	}
	type col = column[hardware.Temperature]
	return tableOf(asyncosObjects.Append(9, 1), rows, indexed(number),
		col{2, func(t *hardware.Temperature) Value { return wholeDegrees(t.Celsius) }},
		col{3, func(t *hardware.Temperature) Value { return DisplayString(t.Name) }})
}

// wholeDegrees rounds a reading.
func wholeDegrees(celsius float64) Value {
	return Integer(int(math.Round(min(max(celsius, math.MinInt32), math.MaxInt32))))
}

// fanTable leaves out fans that are driven in per cent and work: they turn, nobody knows how often, and 0 is a fan that has
// failed.
func fanTable() part[image] {
	number := func(f *hardware.Fan) int { return f.Index }
	rows := func(i *image) []hardware.Fan {
		fans := within(i.sensors.Fans, maxFans, number)
		return slices.DeleteFunc(fans, func(f hardware.Fan) bool { return f.Percent > 0 && !f.Failed })
	}
	type col = column[hardware.Fan]
	return tableOf(asyncosObjects.Append(10, 1), rows, indexed(number),
		col{2, func(f *hardware.Fan) Value { return Gauge32(nonNegative(f.RPM)) }},
		col{3, func(f *hardware.Fan) Value { return DisplayString(f.Name) }})
}

func raidTable() part[image] {
	number := func(d *hardware.Drive) int { return d.Index }
	rows := func(i *image) []hardware.Drive { return within(i.sensors.Drives, maxDrives, number) }
	type col = column[hardware.Drive]
	return tableOf(asyncosObjects.Append(18, 1), rows, indexed(number),
		col{1, func(d *hardware.Drive) Value { return Integer(d.Index) }},
		col{2, func(d *hardware.Drive) Value { return oneOf(int(d.Status), 3) }},
		col{3, func(d *hardware.Drive) Value { return DisplayString(d.ID) }},
		col{4, func(d *hardware.Drive) Value { return DisplayString(d.LastError) }})
}

// keyRow is a key with its place and what is left of it.
type keyRow struct {
	index int
	Key
	left time.Duration
}

// keyExpirationTable has what the XML feed's features and the alert on certificates are made of. Of a key whose end nobody
// knows it has no row; the others keep their numbers.
func keyExpirationTable() part[image] {
	number := func(k *keyRow) int { return k.index }
	rows := func(i *image) (rows []keyRow) {
		for n, k := range i.keys {
			if k.Perpetual || !k.Expires.IsZero() {
				rows = append(rows, keyRow{n + 1, k, k.Expires.Sub(i.at)})
			}
		}
		return rows
	}
	type col = column[keyRow]
	return tableOf(asyncosObjects.Append(12, 1), rows, indexed(number),
		col{1, func(k *keyRow) Value { return Integer(k.index) }},
		col{2, func(k *keyRow) Value { return DisplayString(k.Description) }},
		col{3, func(k *keyRow) Value { return truthValue(k.Perpetual) }},
		col{4, func(k *keyRow) Value {
			if k.Perpetual {
				return Gauge32(math.MaxUint32)
			}
			return Gauge32(nonNegative(int64(k.left / time.Second)))
		}})
}

// updateRow is an update with its place.
type updateRow struct {
	index int
	Update
}

func updateTable() part[image] {
	rows := func(i *image) (rows []updateRow) {
		for n, u := range i.updates {
			rows = append(rows, updateRow{n + 1, u})
		}
		return rows
	}
	type col = column[updateRow]
	return tableOf(asyncosObjects.Append(13, 1), rows, byPlace[updateRow],
		col{1, func(u *updateRow) Value { return Integer(u.index) }},
		col{2, func(u *updateRow) Value { return DisplayString(u.Service) }},
		col{3, func(u *updateRow) Value { return Counter32(u.Updates) }},
		col{4, func(u *updateRow) Value { return Counter32(u.Failures) }})
}
