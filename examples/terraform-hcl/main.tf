terraform {
  required_providers {
    ipvs = { source = "lvsform/ipvs" }
  }
}

variable "directors" {
  description = "How each director is reached."
  type        = map(object({ host = string, user = optional(string), sudo = optional(bool, true) }))
  default = {
    lb1 = { host = "lb1.example.net", user = "lvsform" }
    lb2 = { host = "lb2.example.net", user = "lvsform" }
  }
}

provider "ipvs" {
  stack     = "edge"
  directors = var.directors
}

resource "ipvs_virtual_service" "web" {
  for_each    = var.directors
  director    = each.key
  protocol    = "fwmark"
  mark        = 12
  scheduler   = "wrr"
  persistence = { timeout_seconds = 360 }
  drain       = { timeout_seconds = 300 }
  real_servers = {
    rs1 = { address = "192.168.74.129", weight = 3 }
    rs2 = { address = "192.168.74.133" }
  }
}

resource "ipvs_mark_rule" "web" {
  for_each    = var.directors
  director    = each.key
  mark        = 12
  protocol    = "tcp"
  destination = "192.168.74.88"
  ports       = ["80", "443"]
  depends_on  = [ipvs_virtual_service.web]
}
