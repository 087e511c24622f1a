-- Signs in one person after the other. The bodies are lines of the file in LOGINS, of type TYPE; where to is
-- said to wrk.
local requests, at = {}, 0
function init()
  local headers = { ["Content-Type"] = os.getenv("TYPE") }
  for body in io.lines(os.getenv("LOGINS")) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
