# Who has which address, for the guest's shell scripts; README.md shows the same as a picture.
# Every director has the same traffic network: it is a network of its own.

management_address() { echo "10.0.2.$((100 + ${1#d}))"; } # d3 -> 10.0.2.103

net4=192.168.74
net6=2001:db8:74:
director_host=1
client_hosts='10 11 12 13 14 15 16 17 18 19'
vip_hosts='88 89 90 91 92 93 94 95'
real_servers='rs1:129 rs2:133 rs3:134 rs4:135'
