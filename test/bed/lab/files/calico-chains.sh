# The chains that felix anchors in the kernel's own, as it writes them: it puts itself first.
set -e
for table_chain in filter:INPUT filter:FORWARD filter:OUTPUT nat:PREROUTING nat:POSTROUTING nat:OUTPUT mangle:PREROUTING mangle:POSTROUTING raw:PREROUTING raw:OUTPUT; do
	table=${table_chain%:*} chain=${table_chain#*:}
	iptables -w -t "$table" -N "cali-$chain"
	iptables -w -t "$table" -A "cali-$chain" -m comment --comment "cali:lab" -j RETURN
	iptables -w -t "$table" -I "$chain" -m comment --comment "cali:lab-$chain" -j "cali-$chain"
done
