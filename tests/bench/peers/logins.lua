-- Signs in one person after the other. The file with the logins is in LOGINS, everybody's password in PASSWORD.
local requests, at = {}, 0
function init()
  local headers = { ["Content-Type"] = "application/json" }
  for login in io.lines(os.getenv("LOGINS")) do
    local body = '{"login":"' .. login .. '","password":"' .. os.getenv("PASSWORD") .. '"}'
    requests[#requests + 1] = wrk.format("POST", "/api/v1/sign-ins", headers, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
